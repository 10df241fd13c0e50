"""Allocation where links, batteries and limits couple zones and hours: a structured interior-point method."""
