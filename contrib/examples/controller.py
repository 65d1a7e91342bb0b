#!/usr/bin/env python3
"""A whole controller: answers whatever rings and prints how each call ends. Needs python3-dbus, python3-gi."""
import dbus
import dbus.mainloop.glib
from gi.repository import GLib

NAME, ROOT = "org.ahoycall.Calls1", "/org/ahoycall/Calls1"

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()


def changed(interface, values, invalidated):
    ringing = values.get("RingingCall", "/")
    if ringing != "/":
        call = dbus.Interface(bus.get_object(NAME, ringing, introspect=False), f"{NAME}.Call")
        done = {"reply_handler": lambda: print("answered", flush=True), "error_handler": print}
        call.Answer(dbus.Dictionary({}, "sv"), **done)
    if values.get("State") == "ended":
        print("ended:", values["EndReason"][0], flush=True)


bus.add_signal_receiver(changed, "PropertiesChanged", bus_name=NAME)
# Starts the daemon if it does not run.
bus.get_object(NAME, ROOT)
print("waiting", flush=True)
GLib.MainLoop().run()
