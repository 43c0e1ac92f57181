"""How OHIF is set up here: this server's DICOMweb and nothing else, no dialog in the way of the images."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

DICOMWEB = "/dicom-web"
_PANELS = {
    "@ohif/extension-cornerstone.panelModule.panelSegmentation": ("segmentationService", ["SEGMENTATION_ADDED"]),
    "@ohif/extension-measurement-tracking.panelModule.trackedMeasurements": (
        "measurementService",
        ["MEASUREMENT_ADDED", "RAW_MEASUREMENT_ADDED"],
    ),
}
"""Panels of segments and of measurements, and what opens each: whoever follows a link to a finding sees its text."""

CONFIGURATION: dict[str, Any] = {
    "routerBasename": "/",
    "extensions": [],
    "modes": [],
    "customizationService": {"ohif.tours": {"$set": []}},
    # The list of studies is the portal.
    "showStudyList": False,
    "maxNumberOfWebWorkers": 3,
    "showWarningMessageForCrossOrigin": False,
    "showCPUFallbackMessage": True,
    "showLoadingIndicator": True,
    "strictZSpacingForVolumeViewport": True,
    # SEG and SR load by themselves, without asking.
    "disableConfirmationPrompts": True,
    "investigationalUseDialog": {"option": "never"},
    "showErrorDetails": "production",
    "modesConfiguration": {
        "@ohif/mode-longitudinal": {
            "activatePanelTriggers": {
                "$set": [
                    {"panelId": panel, "sourceServiceName": service, "sourceEvents": events}
                    for panel, (service, events) in _PANELS.items()
                ]
            }
        }
    },
    "defaultDataSourceName": "hilum",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "hilum",
            "configuration": {
                "friendlyName": "this archive",
                "name": "hilum",
                "qidoRoot": DICOMWEB,
                "wadoRoot": DICOMWEB,
                "wadoUriRoot": DICOMWEB,
                "qidoSupportsIncludeField": False,
                "supportsFuzzyMatching": False,
                "supportsWildcard": True,
                "imageRendering": "wadors",
                "thumbnailRendering": "wadors",
                "enableStudyLazyLoad": True,
                "omitQuotationForMultipartRequest": True,
                "bulkDataURI": {"enabled": True},
            },
        }
    ],
}
"""OHIF's own names; found by trial with 3.13.2."""

EXTENSIONS = ("slide_channels.js", "first_finding.js")
"""What is added to OHIF, each in a file beside this one."""

_SCRIPT = """\
window.config = %(configuration)s;
// Back to the page that the viewer was opened from.
window.config.whiteLabeling = {
  createLogoComponentFn: (React) => React.createElement(
    "a",
    {
      href: document.referrer.startsWith(location.origin + "/") ? document.referrer : "/",
      className: "text-foreground flex items-center px-2 text-base font-semibold",
    },
    "\\u2039 " + %(site_name)s,
  ),
};
// OHIF calls this, without looking, for every image whose loading was given up, also when it gave it up itself.
window.config.httpErrorHandler = (error) => console.warn("an image was not loaded:", error && error.status);
"""


def script(site_name: str) -> str:
    """Give the script that sets OHIF up; it names the site in the corner where OHIF has its logo."""
    own = _SCRIPT % {"configuration": json.dumps(CONFIGURATION), "site_name": json.dumps(site_name)}
    return own + "".join(files(__package__).joinpath(name).read_text() for name in EXTENSIONS)
