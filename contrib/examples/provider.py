#!/usr/bin/env python3
"""A whole calling app: `provider.py +49301234` is called from there. Needs python3-dbus, python3-gi."""
import sys
import uuid

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

DAEMON, ROOT = "org.ahoycall.Provider1", "/org/ahoycall/Calls1"
APP = "org.ahoycall.Calls1.ProviderApp"


class App(dbus.service.Object):
    """What the daemon asks of us. A reply fulfils, an exception refuses."""

    @dbus.service.method(APP, in_signature="ussoa{sv}")
    def Perform(self, serial, txn, action, call, args):
        print(f"{action} {call.rsplit('/', 1)[1]} {dict(args)}", flush=True)
        if action not in ("start", "answer", "end", "set-held", "set-muted"):
            raise dbus.DBusException(f"this app cannot {action}", name="org.example.Failed")
        # Here a real app would carry it out: connect the media, then return.

    @dbus.service.method(APP, in_signature="a{sv}")
    def AudioActivated(self, options):
        print("microphone and speaker are ours", flush=True)

    @dbus.service.method(APP)
    def AudioDeactivated(self):
        print("microphone and speaker are others'", flush=True)


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
app = App(bus, "/app")
registry = bus.get_object(DAEMON, ROOT, introspect=False)
registry = dbus.Interface(registry, "org.ahoycall.Calls1.Registry")
schemes = dbus.Array(["tel"], "s")
options = dbus.Dictionary({"name": "Example", "schemes": schemes, "hold": True}, "sv")
path = registry.Register("org.example.Caller", dbus.ObjectPath("/app"), options)
us = dbus.Interface(bus.get_object(DAEMON, path, introspect=False), "org.ahoycall.Calls1.Provider")
for number in sys.argv[1:]:
    can = dbus.Array(["hold", "mute"], "s")
    who = dbus.Dictionary({"remote": ("tel", number), "capabilities": can}, "sv")
    call, how = us.ReportIncoming(str(uuid.uuid4()), who)
    print(f"{number} comes in: {how}", flush=True)
GLib.MainLoop().run()
