"""The outbox: sends what is owed."""

from protocol_specs.node.owing import owe as owe
