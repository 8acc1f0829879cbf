"""TikTok's organic data in your warehouse: a Dagster code location with 12 documented tables."""
