"""The 12 tables as software-defined assets: four steps, one for each kind of call to TikTok."""
