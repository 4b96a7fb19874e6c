"""What several tests need: small models, live servers, peers, and damage."""
