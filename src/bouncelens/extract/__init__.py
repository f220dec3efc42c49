"""Marketing Cloud's rows into bounce events, by whatever route they come. SFMC's words end here."""
