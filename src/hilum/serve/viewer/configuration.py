"""How OHIF is set up here: this server's DICOMweb and nothing else, no dialog in the way of the images."""

from __future__ import annotations

from typing import Any

DICOMWEB = "/dicom-web"

CONFIGURATION: dict[str, Any] = {
    "routerBasename": "/",
    "extensions": [],
    "modes": [],
    "customizationService": {"ohif.tours": {"$set": []}},
    "showStudyList": True,
    "maxNumberOfWebWorkers": 3,
    "showWarningMessageForCrossOrigin": False,
    "showCPUFallbackMessage": True,
    "showLoadingIndicator": True,
    "strictZSpacingForVolumeViewport": True,
    # SEG and SR load by themselves, without asking.
    "disableConfirmationPrompts": True,
    "investigationalUseDialog": {"option": "never"},
    "showErrorDetails": "production",
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
