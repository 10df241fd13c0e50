"""Settings, construction and entry points: the only room that knows every room."""
