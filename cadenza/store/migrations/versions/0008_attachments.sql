-- Files that go with mails: a version of a sequence names them by hash, so that each content is kept once.
CREATE TABLE documents (
    sha256      text PRIMARY KEY,
    content     bytea NOT NULL
);
-- PDFs, pictures and archives are compressed already.
ALTER TABLE documents ALTER COLUMN content SET STORAGE EXTERNAL;
