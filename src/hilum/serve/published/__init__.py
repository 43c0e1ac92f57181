"""What is served: collections, studies, series and cohorts, looked up in the database."""
