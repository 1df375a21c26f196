"""Owns which address leads to which page."""

from __future__ import annotations

from collections.abc import Mapping

from jumar.web.experiment_page import ExperimentPage
from jumar.web.experiments_page import ExperimentsPage
from jumar.web.integrity_page import IntegrityPage
from jumar.web.lessons_page import LessonsPage
from jumar.web.lineage_page import LineagePage
from jumar.web.shell import Maker
from jumar.web.study_page import StudyPage

MAKERS: Mapping[str, Maker] = {
    "/": StudyPage,
    "/experiments": ExperimentsPage,
    "/experiment/{number}": ExperimentPage,
    "/lineage": LineagePage,
    "/lessons": LessonsPage,
    "/integrity": IntegrityPage,
}
