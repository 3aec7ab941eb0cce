"""The metrics of alerts. Pure."""

from __future__ import annotations

from typing import Final

from distreamer.admin.metric import Metric, of_alerts
from distreamer.model.status import ModuleState

ALERT: Final = ("alert", "mode")

ALERT_METRICS: Final = (
    Metric(
        "distreamer_alert_working",
        "gauge",
        "1 or 0",
        "Whether the last try to tell something through an alert succeeded, or none was made yet.",
        ALERT,
        of_alerts(lambda alert: float(alert.state is ModuleState.RUNNING and not alert.last_error)),
    ),
    Metric(
        "distreamer_alert_messages_waiting",
        "gauge",
        "messages",
        "Messages that have yet to be told.",
        ALERT,
        of_alerts(lambda alert: alert.waiting),
    ),
    Metric(
        "distreamer_alert_messages_delivered",
        "counter",
        "messages",
        "Messages that were told.",
        ALERT,
        of_alerts(lambda alert: alert.delivered),
    ),
    Metric(
        "distreamer_alert_messages_failed",
        "counter",
        "messages",
        "Messages given up: refused, or the receiver could not be reached for a day.",
        ALERT,
        of_alerts(lambda alert: alert.failed),
    ),
    Metric(
        "distreamer_alert_messages_dropped",
        "counter",
        "messages",
        "Messages lost because too many waited.",
        ALERT,
        of_alerts(lambda alert: alert.dropped),
    ),
    Metric(
        "distreamer_alert_problems_held_back",
        "counter",
        "problems",
        "Problems that were not told because they were over within HOLD, or came too often.",
        ALERT,
        of_alerts(lambda alert: alert.held_back),
    ),
)
