"""LocalStack embedded in the lab: ``launcher`` runs outside its process, ``runtime`` inside it."""
