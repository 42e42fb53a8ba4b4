"""Getting files that others publish: located, fetched with resume, verified, laid in place.

Who wants files describes them (`files.WantedFile`) and says which sources may have them, in order (`job.FileSource`);
`job.fetch_files` brings them. What the files are for, nothing here knows.
"""
