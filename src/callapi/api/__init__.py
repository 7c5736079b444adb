"""Floor 4, REST: the resources of Twilio's API and their Restcomm spelling, as one ASGI application."""
