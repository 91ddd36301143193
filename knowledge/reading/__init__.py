"""From files to documents: one reader for each format, and one stream of what became of each file."""

from knowledge.reading.folder import Read, ReadReport, read_all, read_folder
from knowledge.reading.language import detect_language
from knowledge.reading.worker import Workshop

__all__ = ["Read", "ReadReport", "Workshop", "detect_language", "read_all", "read_folder"]
