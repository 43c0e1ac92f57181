"""The attributes that the Basic Application Level Confidentiality Profile removes, empties or replaces.

References
----------
DICOM PS3.15 section E.2 and table E.1-1 (edition 2024b): action of the basic profile, and the options that keep or
clean an attribute instead. Curves (50xx), overlay data and comments (60xx) and private attributes are patterns of that
table without a keyword: curves and private ones are looked for by group, overlays are part of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

FULL_DATES = "113106"
MODIFIED_DATES = "113107"
DESCRIPTORS = "113105"
DEVICE = "113109"
UIDS = "113110"
PATIENT = "113108"
CONTENT = "113104"
GRAPHICS = "113103"
INSTITUTION = "113112"
"""Codes (DCM, PS3.16 CID 7050) of the options, as DeidentificationMethodCodeSequence holds them."""

REMOVED, EMPTIED, REPLACED, NEW_UID = "X", "Z", "D", "U"
"""Actions: remove; empty or replace by a dummy; replace by a dummy; replace by a UID that is consistent within the
set. ``X/D`` and the like: remove unless the object demands the attribute."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What the profile does with an attribute.

    Attributes
    ----------
    action
        Actions, most thorough first, separated by ``/``.
    options
        Codes of the options under which the attribute may stay, whole or cleaned.
    """

    action: str
    options: frozenset[str]

    @property
    def is_removed(self) -> bool:
        """Whether the attribute is removed wherever the object does not demand it."""
        return self.action.startswith(REMOVED)

    @property
    def is_uid(self) -> bool:
        """Whether it is or holds UIDs: nobody can see from a file alone whether they were replaced."""
        return NEW_UID in self.action


@cache
def protections() -> dict[str, Protection]:
    """Keyword to protection, for each attribute of the table that has a keyword."""
    return {
        keyword: Protection(action, frozenset(options))
        for action, options, keywords in _TABLE
        for keyword in keywords.split()
    }


_TABLE: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "X",
        (),
        """
        ActualHumanPerformersSequence AddressTrial AdmissionID Arbitrary AuthorObserverSequence BranchOfService
        CameraOwnerName ClinicalTrialProtocolEthicsCommitteeApprovalNumber ClinicalTrialSeriesID
        ConfidentialityConstraintOnPatientDataDescription ConsultingPhysicianIdentificationSequence
        ContainerComponentID ContentCreatorIdentificationCodeSequence CountryOfResidence CurrentObserverTrial
        CurrentPatientLocation CustodialOrganizationSequence DataSetTrailingPadding DigitalSignaturesSequence
        DistributionAddress DistributionName GPSAltitude GPSAltitudeRef GPSAreaInformation GPSDOP GPSDestBearing
        GPSDestBearingRef GPSDestDistance GPSDestDistanceRef GPSDestLatitude GPSDestLatitudeRef GPSDestLongitude
        GPSDestLongitudeRef GPSDifferential GPSImgDirection GPSImgDirectionRef GPSLatitude GPSLatitudeRef
        GPSLongitude GPSLongitudeRef GPSMapDatum GPSMeasureMode GPSProcessingMethod GPSSatellites GPSSpeed
        GPSSpeedRef GPSStatus GPSTimeStamp GPSTrack GPSTrackRef GPSVersionID HumanPerformerName
        HumanPerformerOrganization IconImageSequence ImagePresentationComments InstanceOriginStatus
        InsurancePlanIdentification IntendedRecipientsOfResultsIdentificationSequence
        InterpretationApproverSequence InterpretationAuthor InterpretationID InterpretationIDIssuer
        InterpretationRecorder InterpretationTranscriber IssuerOfAdmissionID IssuerOfAdmissionIDSequence
        IssuerOfClinicalTrialProtocolID IssuerOfClinicalTrialSeriesID IssuerOfClinicalTrialSiteID
        IssuerOfClinicalTrialSubjectID IssuerOfClinicalTrialSubjectReadingID IssuerOfClinicalTrialTimePointID
        IssuerOfPatientID IssuerOfServiceEpisodeID IssuerOfServiceEpisodeIDSequence MAC MedicalRecordLocator
        MilitaryRank ModifiedAttributesSequence ModifiedImageDescription NameOfPhysiciansReadingStudy
        NamesOfIntendedRecipientsOfResults NonconformingDataElementValue NonconformingModifiedAttributesSequence
        OrderCallbackPhoneNumber OrderCallbackTelecomInformation OrderEnteredBy OrderEntererLocation
        OriginalAttributesSequence OtherClinicalTrialProtocolIDsSequence OtherPatientIDs OtherPatientIDsSequence
        OtherPatientNames ParticipantSequence PatientAddress PatientBirthName PatientBirthTime
        PatientInstitutionResidence PatientInsurancePlanCodeSequence PatientMotherBirthName
        PatientPrimaryLanguageCodeSequence PatientPrimaryLanguageModifierCodeSequence PatientReligiousPreference
        PatientTelecomInformation PatientTelephoneNumbers PatientTransportArrangements PerformedLocation
        PerformedProcedureStepID PerformingPhysicianIdentificationSequence PerformingPhysicianName PersonAddress
        PersonTelecomInformation PersonTelephoneNumbers PhysicianApprovingInterpretation PhysiciansOfRecord
        PhysiciansOfRecordIdentificationSequence PhysiciansReadingStudyIdentificationSequence ROICreatorSequence
        ROIInterpreterSequence ReferencedDigitalSignatureSequence ReferencedPatientAliasSequence
        ReferencedPatientPhotoSequence ReferencedSOPInstanceMACSequence ReferringPhysicianAddress
        ReferringPhysicianIdentificationSequence ReferringPhysicianTelephoneNumbers RegionOfResidence
        RequestedProcedureID RequestedProcedureLocation RequestingPhysician RequestingService
        ResponsibleOrganization ResponsiblePerson ResultsDistributionListSequence ResultsID ResultsIDIssuer
        ScheduledHumanPerformersSequence ScheduledPatientInstitutionResidence
        ScheduledPerformingPhysicianIdentificationSequence ScheduledPerformingPhysicianName
        ScheduledProcedureStepID ServiceEpisodeID SlideIdentifier SpecimenAccessionNumber StudyIDIssuer
        TelephoneNumberTrial TextComments TextString TopicAuthor TopicKeywords TopicSubject TopicTitle
        VerbalSourceIdentifierCodeSequenceTrial VerbalSourceTrial
        """,
    ),
    (
        "X",
        (DESCRIPTORS,),
        """
        AcquisitionComments AcquisitionProtocolDescription AdditionalPatientHistory
        AdmittingDiagnosesCodeSequence AdmittingDiagnosesDescription AnnotationGroupDescription BeamDescription
        BolusDescription ClinicalTrialSeriesDescription ClinicalTrialTimePointDescription
        CommentsOnRadiationDose CommentsOnThePerformedProcedureStep CompensatorDescription ContainerDescription
        ContributionDescription DecompositionDescription DerivationDescription DeviceSettingDescription
        DischargeDiagnosisDescription DisplacementReferenceLabel DoseReferenceDescription EntityDescription
        EntityName EquipmentFrameOfReferenceDescription FilterLookupTableDescription FixationDeviceDescription
        FractionGroupDescription FrameComments IdentifyingComments ImageComments ImagingServiceRequestComments
        Impressions InterpretationDiagnosisDescription InterpretationText LongDeviceDescription MakerNote
        MedicalAlerts MultienergyAcquisitionDescription Occupation PatientComments PatientSetupPhotoDescription
        PatientTreatmentPreparationMethodDescription PatientTreatmentPreparationProcedureParameterDescription
        PerformedProcedureStepDescription PositionAcquisitionTemplateDescription PositionAcquisitionTemplateName
        PrescriptionDescription PriorTreatmentDoseDescription PyramidDescription PyramidLabel ROIDescription
        ROIGenerationDescription ROIObservationDescription ROIObservationLabel RTPlanDescription RTPlanName
        ReasonForOmissionDescription ReasonForRequestedProcedureCodeSequence ReasonForStudy
        ReasonForTheImagingServiceRequest ReasonForTheRequestedProcedure ReasonForVisit
        ReasonForVisitCodeSequence RequestAttributesSequence RequestedContrastAgent RequestedProcedureComments
        RequestedSeriesDescription RespiratoryMotionCompensationTechniqueDescription ResultsComments
        ScheduledProcedureStepDescription SeriesDescription ServiceEpisodeDescription SetupTechniqueDescription
        ShieldingDeviceDescription SpecimenDetailedDescription SpecimenShortDescription StructureSetDescription
        StructureSetName StudyComments StudyDescription TreatmentSites VisitComments WaveformFilterDescription
        """,
    ),
    (
        "X",
        (DESCRIPTORS, PATIENT),
        """
        Allergies PatientState
        """,
    ),
    (
        "X",
        (DEVICE,),
        """
        CassetteID DeviceDescription GantryID GeneratorID LensMake LensModel LensSerialNumber LensSpecification
        ModifyingDeviceID NetworkID Originator PerformedStationAETitle
        PerformedStationGeographicLocationCodeSequence PerformedStationName PerformedStationNameCodeSequence
        PlateID ReceivingAE RequestingAE RetrieveAETitle ScheduledProcedureStepLocation ScheduledStationAETitle
        ScheduledStationGeographicLocationCodeSequence ScheduledStationName ScheduledStationNameCodeSequence
        ScheduledStudyLocation ScheduledStudyLocationAETitle SourceManufacturer StationAETitle
        TransducerIdentificationSequence UDISequence UniqueDeviceIdentifier XRayDetectorLabel
        """,
    ),
    (
        "X",
        (DEVICE, FULL_DATES, MODIFIED_DATES),
        """
        CalibrationDate CalibrationTime DateOfInstallation DateOfLastCalibration DateOfManufacture
        DateTimeOfLastCalibration TimeOfLastCalibration
        """,
    ),
    (
        "X",
        (FULL_DATES, MODIFIED_DATES),
        """
        AdmittingDate AdmittingTime ApprovalStatusDateTime AssertionExpirationDateTime CertifiedTimestamp
        ContrastBolusStartTime ContrastBolusStopTime ContributionDateTime CreationDate CreationTime CurveDate
        CurveTime DateOfDocumentOrVerbalTransactionTrial DateOfSecondaryCapture DischargeDate DischargeTime
        EthicsCommitteeApprovalEffectivenessEndDate EthicsCommitteeApprovalEffectivenessStartDate
        ExpectedCompletionDateTime FindingsGroupRecordingDateTrial FindingsGroupRecordingTimeTrial GPSDateStamp
        HL7DocumentEffectiveTime InstanceCoercionDateTime IntendedFractionStartTime InterpretationApprovalDate
        InterpretationApprovalTime InterpretationRecordedDate InterpretationRecordedTime
        InterpretationTranscriptionDate InterpretationTranscriptionTime InterventionDrugStartTime
        InterventionDrugStopTime IssueDateOfImagingServiceRequest IssueTimeOfImagingServiceRequest
        LastMenstrualDate ModifiedImageDate ModifiedImageTime ObservationDateTrial ObservationStartDateTime
        ObservationTimeTrial OverlayDate OverlayTime PerformedProcedureStepEndDate
        PerformedProcedureStepEndDateTime PerformedProcedureStepEndTime PerformedProcedureStepStartDate
        PerformedProcedureStepStartDateTime PerformedProcedureStepStartTime PresentationCreationDate
        PresentationCreationTime ProcedureStepCancellationDateTime ProductExpirationDateTime ROIDateTime
        ROIObservationDateTime RadiopharmaceuticalStartDateTime RadiopharmaceuticalStartTime
        RadiopharmaceuticalStopDateTime RadiopharmaceuticalStopTime SOPAuthorizationDateTime
        ScheduledAdmissionDate ScheduledAdmissionTime ScheduledDischargeDate ScheduledDischargeTime
        ScheduledProcedureStepEndDate ScheduledProcedureStepEndTime ScheduledProcedureStepExpirationDateTime
        ScheduledProcedureStepModificationDateTime ScheduledProcedureStepStartDate
        ScheduledProcedureStepStartDateTime ScheduledProcedureStepStartTime ScheduledStudyStartDate
        ScheduledStudyStartTime ScheduledStudyStopDate ScheduledStudyStopTime StudyArrivalDate StudyArrivalTime
        StudyCompletionDate StudyCompletionTime StudyReadDate StudyReadTime StudyVerifiedDate StudyVerifiedTime
        SubstanceAdministrationDateTime TemplateLocalVersion TemplateVersion
        TimeOfDocumentCreationOrVerbalTransactionTrial TimeOfSecondaryCapture TimezoneOffsetFromUTC
        """,
    ),
    (
        "X",
        (INSTITUTION,),
        """
        InstitutionAddress InstitutionalDepartmentName InstitutionalDepartmentTypeCodeSequence
        """,
    ),
    (
        "X",
        (PATIENT,),
        """
        EthnicGroup PatientAge PatientSize PatientWeight PreMedication PregnancyStatus SmokingStatus
        SpecialNeeds
        """,
    ),
    (
        "X",
        (UIDS,),
        """
        AffectedSOPInstanceUID ReferencedPatientSequence
        """,
    ),
    (
        "X/Z",
        (),
        """
        BarcodeValue ReviewerName
        """,
    ),
    (
        "X/Z",
        (CONTENT,),
        """
        AcquisitionContextSequence
        """,
    ),
    (
        "X/Z",
        (DESCRIPTORS,),
        """
        LabelText RequestedProcedureDescription
        """,
    ),
    (
        "X/Z",
        (DEVICE,),
        """
        SourceSerialNumber TreatmentMachineName
        """,
    ),
    (
        "X/Z",
        (FULL_DATES, MODIFIED_DATES),
        """
        AcquisitionDate AcquisitionTime
        """,
    ),
    (
        "X/Z",
        (PATIENT,),
        """
        PatientSexNeutered
        """,
    ),
    (
        "X/Z",
        (UIDS,),
        """
        ReferencedStudySequence
        """,
    ),
    (
        "X/D",
        (),
        """
        OperatorIdentificationSequence
        """,
    ),
    (
        "X/D",
        (DESCRIPTORS,),
        """
        AcquisitionDeviceProcessingDescription ProtocolName RTTreatmentApproachLabel TreatmentSite
        """,
    ),
    (
        "X/D",
        (DEVICE,),
        """
        DetectorID
        """,
    ),
    (
        "X/D",
        (DEVICE, FULL_DATES, MODIFIED_DATES),
        """
        DateOfLastDetectorCalibration TimeOfLastDetectorCalibration
        """,
    ),
    (
        "X/D",
        (FULL_DATES, MODIFIED_DATES),
        """
        EndAcquisitionDateTime FirstTreatmentDate InstanceCreationDate IntendedPhaseEndDate
        IntendedPhaseStartDate MostRecentTreatmentDate ObservationDateTime RTPlanDate RTPlanTime SeriesDate
        SeriesTime StartAcquisitionDateTime TreatmentDate TreatmentTime
        """,
    ),
    (
        "X/Z/D",
        (),
        """
        OperatorsName
        """,
    ),
    (
        "X/Z/D",
        (DEVICE,),
        """
        DeviceSerialNumber StationName
        """,
    ),
    (
        "X/Z/D",
        (FULL_DATES, MODIFIED_DATES),
        """
        AcquisitionDateTime InstanceCreationTime
        """,
    ),
    (
        "X/Z/D",
        (INSTITUTION,),
        """
        InstitutionCodeSequence InstitutionName
        """,
    ),
    (
        "X/Z/D",
        (UIDS,),
        """
        ReferencedPerformedProcedureStepSequence
        """,
    ),
    (
        "X/Z/U",
        (UIDS,),
        """
        ReferencedImageSequence SourceImageSequence
        """,
    ),
    (
        "Z",
        (),
        """
        AccessionNumber ClinicalTrialProtocolName ClinicalTrialTimePointID ConsultingPhysicianName
        DeviceAlternateIdentifier FillerOrderNumberImagingServiceRequest IssuerOfTheContainerIdentifierSequence
        IssuerOfTheSpecimenIdentifierSequence PatientBirthDate PatientName
        PlacerOrderNumberImagingServiceRequest ROIInterpreter RTAccessoryDeviceSlotID RTAccessoryHolderSlotID
        ReferringPhysicianName StudyID VerifyingObserverIdentificationCodeSequence
        """,
    ),
    (
        "Z",
        (CONTENT,),
        """
        SpecimenPreparationSequence
        """,
    ),
    (
        "Z",
        (DESCRIPTORS,),
        """
        ConceptualVolumeCombinationDescription ConceptualVolumeDescription FractionationNotes PrescriptionNotes
        PrescriptionNotesSequence ROIName RTPhysicianIntentNarrative RadiationGenerationModeDescription
        ReasonForSuperseding TreatmentTechniqueNotes
        """,
    ),
    (
        "Z",
        (DEVICE,),
        """
        ManufacturerDeviceIdentifier
        """,
    ),
    (
        "Z",
        (DEVICE, FULL_DATES, MODIFIED_DATES),
        """
        CalibrationDateTime
        """,
    ),
    (
        "Z",
        (FULL_DATES, MODIFIED_DATES),
        """
        ParticipationDateTime ReviewDate ReviewTime StructureSetDate StructureSetTime StudyDate StudyTime
        """,
    ),
    (
        "Z",
        (INSTITUTION,),
        """
        ClinicalTrialCoordinatingCenterName ClinicalTrialSiteID ClinicalTrialSiteName SourceOfPreviousValues
        """,
    ),
    (
        "Z",
        (PATIENT,),
        """
        PatientSex
        """,
    ),
    (
        "Z/D",
        (),
        """
        ContentCreatorName PatientID
        """,
    ),
    (
        "Z/D",
        (DESCRIPTORS,),
        """
        ContrastBolusAgent
        """,
    ),
    (
        "Z/D",
        (FULL_DATES, MODIFIED_DATES),
        """
        ContentDate ContentTime InstructionPerformedDateTime
        """,
    ),
    (
        "D",
        (),
        """
        CertificateOfSigner ClinicalTrialProtocolID ClinicalTrialSponsorName ClinicalTrialSubjectID
        ClinicalTrialSubjectReadingID ContainerIdentifier EncapsulatedDocument FlowIdentifier
        FlowIdentifierSequence PersonIdentificationCodeSequence PersonName SelectorOBValue SelectorPNValue
        SelectorUNValue SelectorURValue SourceIdentifier SpecimenIdentifier VerifyingObserverName
        VerifyingObserverSequence VerifyingOrganization
        """,
    ),
    (
        "D",
        (CONTENT,),
        """
        ContentSequence
        """,
    ),
    (
        "D",
        (DESCRIPTORS,),
        """
        AcquisitionFieldOfViewLabel AnnotationGroupLabel EntityLabel EntityLongLabel InterlockDescription
        InterlockOriginDescription RTPlanLabel RTPrescriptionLabel RTToleranceSetLabel
        RadiationDoseIdentificationLabel RadiationDoseInVivoMeasurementLabel RadiationGenerationModeLabel
        ReasonForTheAttributeModification SelectorLOValue SelectorLTValue SelectorSHValue SelectorSTValue
        SelectorUTValue StructureSetLabel TreatmentPositionGroupLabel TreatmentToleranceViolationDescription
        UserContentLabel UserContentLongLabel
        """,
    ),
    (
        "D",
        (DEVICE,),
        """
        DestinationAE DeviceLabel ModifyingSystem SelectorAEValue XRayDetectorID XRaySourceID
        """,
    ),
    (
        "D",
        (DEVICE, FULL_DATES, MODIFIED_DATES),
        """
        BeamHoldTransitionDateTime
        """,
    ),
    (
        "D",
        (FULL_DATES, MODIFIED_DATES),
        """
        AssertionDateTime AttributeModificationDateTime ContextGroupLocalVersion ContextGroupVersion Date
        DateTime DecayCorrectionDateTime DigitalSignatureDateTime EffectiveDateTime ExclusionStartDateTime
        FrameAcquisitionDateTime FrameOriginTimestamp FrameReferenceDateTime FunctionalSyncPulse
        HangingProtocolCreationDateTime ImpedanceMeasurementDateTime InformationIssueDateTime InterlockDateTime
        OverrideDateTime RecordedRTControlPointDateTime ReferencedDateTime SafePositionExitDate
        SafePositionExitTime SafePositionReturnDate SafePositionReturnTime SelectorDAValue SelectorDTValue
        SelectorTMValue SourceEndDateTime SourceStartDateTime SourceStrengthReferenceDate
        SourceStrengthReferenceTime Time TreatmentControlPointDate TreatmentControlPointTime
        TreatmentToleranceViolationDateTime VerificationDateTime
        """,
    ),
    (
        "D",
        (GRAPHICS,),
        """
        GraphicAnnotationSequence
        """,
    ),
    (
        "D",
        (INSTITUTION,),
        """
        ClinicalTrialProtocolEthicsCommitteeName
        """,
    ),
    (
        "D",
        (PATIENT,),
        """
        SelectorASValue
        """,
    ),
    (
        "D",
        (UIDS,),
        """
        AnnotationGroupUID
        """,
    ),
    (
        "U",
        (),
        """
        DigitalSignatureUID UID
        """,
    ),
    (
        "U",
        (DEVICE, UIDS),
        """
        DeviceUID ManufacturerDeviceClassUID
        """,
    ),
    (
        "U",
        (UIDS,),
        """
        AcquisitionUID ConcatenationUID ConceptualVolumeUID ConstituentConceptualVolumeUID
        DimensionOrganizationUID DoseReferenceUID DosimetricObjectiveUID FailedSOPInstanceUIDList FiducialUID
        FrameOfReferenceUID InstanceCreatorUID IrradiationEventUID LargePaletteColorLookupTableUID
        MediaStorageSOPInstanceUID MultiplexGroupUID ObservationSubjectUIDTrial ObservationUID
        PaletteColorLookupTableUID PatientSetupUID PresentationDisplayCollectionUID
        PresentationSequenceCollectionUID PyramidUID RTTreatmentPhaseUID ReferencedConceptualVolumeUID
        ReferencedDoseReferenceUID ReferencedDosimetricObjectiveUID ReferencedFiducialsUID
        ReferencedFrameOfReferenceUID ReferencedGeneralPurposeScheduledProcedureStepTransactionUID
        ReferencedObservationUIDTrial ReferencedSOPInstanceUID ReferencedSOPInstanceUIDInFile
        ReferencedTreatmentPositionGroupUID RelatedFrameOfReferenceUID RequestedSOPInstanceUID SOPInstanceUID
        SeriesInstanceUID SourceConceptualVolumeUID SourceFrameOfReferenceUID SpecimenUID StorageMediaFileSetUID
        StudyInstanceUID SynchronizationFrameOfReferenceUID TargetUID TemplateExtensionCreatorUID
        TemplateExtensionOrganizationUID TrackingUID TransactionUID TreatmentPositionGroupUID
        TreatmentSessionUID
        """,
    ),
)
