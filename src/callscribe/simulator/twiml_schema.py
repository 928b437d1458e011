"""Which attributes TwiML elements have, and which words their event lists may contain.

Source: the attribute lists of the official Python library; Twilio docs, pages of the verbs.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CALLBACK_EVENTS = _names("initiated ringing answered completed")
"""`statusCallbackEvent` of `<Number>`."""
CONFERENCE_EVENTS = _names("start end join leave mute hold modify speaker announcement")
"""`statusCallbackEvent` of `<Conference>`."""

ATTRIBUTES: dict[str, frozenset[str]] = {
    "Say": _names("voice language loop"),
    "Play": _names("loop digits"),
    "Pause": _names("length"),
    "Gather": _names(
        "input action method timeout speechTimeout numDigits finishOnKey language hints "
        "speechModel profanityFilter bargeIn actionOnEmptyResult partialResultCallback "
        "partialResultCallbackMethod enhanced maxSpeechTime debug"
    ),
    "Record": _names(
        "action method timeout finishOnKey maxLength playBeep trim "
        "recordingStatusCallback recordingStatusCallbackMethod "
        "recordingStatusCallbackEvent transcribe transcribeCallback"
    ),
    "Start": _names("action method"),
    "Stop": frozenset(),
    "Stream": _names(
        "url name track statusCallback statusCallbackMethod connectorName audioFormat sampleRate"
    ),
    "Parameter": _names("name value"),
    "Dial": _names(
        "action method answerOnBridge callerId timeout timeLimit hangupOnStar record "
        "recordingStatusCallback recordingStatusCallbackMethod "
        "recordingStatusCallbackEvent recordingTrack trim ringTone sequential referUrl "
        "referMethod callReason recordingConfigurationId"
    ),
    "Number": _names(
        "statusCallback statusCallbackMethod statusCallbackEvent url method sendDigits "
        "byoc machineDetection machineDetectionTimeout machineDetectionSpeechThreshold "
        "machineDetectionSpeechEndThreshold machineDetectionSilenceTimeout "
        "amdStatusCallback amdStatusCallbackMethod"
    ),
    "Conference": _names(
        "muted beep startConferenceOnEnter endConferenceOnExit participantLabel "
        "maxParticipants waitUrl waitMethod record jitterBufferSize statusCallback "
        "statusCallbackMethod statusCallbackEvent region trim coach "
        "recordingStatusCallback recordingStatusCallbackMethod "
        "recordingStatusCallbackEvent eventCallbackUrl"
    ),
    "Redirect": _names("method"),
    "Hangup": frozenset(),
    "Reject": _names("reason"),
}
