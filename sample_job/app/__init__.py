"""The daily flight-delay report: one day of departures in, one table of delays out."""
