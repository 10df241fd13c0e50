"""Ways to tell people of an alarm: a webhook, a mail."""
