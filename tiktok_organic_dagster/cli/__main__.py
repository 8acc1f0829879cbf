"""`python -m tiktok_organic_dagster.cli`: the command `tiktok-organic`."""

from tiktok_organic_dagster.cli import main

if __name__ == "__main__":
    main()
