#!/usr/bin/env python3
"""A whole calling app: `provider.py +49301234` is called from there. Needs python3-dbus, python3-gi."""
import sys, uuid
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

DAEMON, ROOT, API = "org.ahoycall.Provider1", "/org/ahoycall/Calls1", "org.ahoycall.Calls1."
APP, CAN = API + "ProviderApp", dbus.Array(["hold", "mute"], "s")
class App(dbus.service.Object):
    """What the daemon asks of us. A reply fulfils, an exception refuses."""
    @dbus.service.method(APP, in_signature="ussoa{sv}")
    def Perform(self, serial, txn, action, call, args):
        print(f"{action} {call.rsplit('/', 1)[1]} {dict(args)}", flush=True)
        mine = call in calls and action in ("answer", "end", "set-held", "set-muted")
        if not mine and action != "start":
            raise dbus.DBusException(f"this app cannot {action} that", name="org.example.Failed")
        # Here a real app would carry it out: connect the media, then return.
        (calls.discard if action == "end" else calls.add)(call)
        if action == "start":  # how far it is, after the reply
            GLib.idle_add(lambda: us.Update(call, dbus.Dictionary({"capabilities": CAN}, "sv")))
            GLib.idle_add(lambda: us.ReportState(call, "active", dbus.UInt64(0)))
    @dbus.service.method(APP, in_signature="a{sv}")
    def AudioActivated(self, options): print("microphone and speaker are ours", flush=True)
    @dbus.service.method(APP)
    def AudioDeactivated(self): print("microphone and speaker are others'", flush=True)
    @dbus.service.method(APP, in_signature="u")
    def TimedOut(self, serial): print(f"the daemon went on without {serial}", flush=True)
    @dbus.service.method(APP, in_signature="s(ss)b")
    def CallBack(self, row, remote, video): print(f"to call back: {remote[1]}", flush=True)
    @dbus.service.method(APP)
    def Reset(self): calls.clear()
def daemon_is(owner):  # called at first, and when it goes or comes back
    global us
    if not owner: return calls.clear()
    options = dbus.Dictionary({"name": "Example", "schemes": ["tel"], "hold": True}, "sv")
    registry = dbus.Interface(bus.get_object(DAEMON, ROOT, introspect=False), API + "Registry")
    path = registry.Register("org.example.Caller", app, options)
    us = dbus.Interface(bus.get_object(DAEMON, path, introspect=False), API + "Provider")
    while sys.argv[1:]:
        who = {"remote": ("tel", number := sys.argv.pop(1)), "capabilities": CAN}
        call, how = us.ReportIncoming(str(uuid.uuid4()), dbus.Dictionary(who, "sv"))
        calls.add(call)
        print(f"{number} comes in: {how}", flush=True)

bus, calls = dbus.SessionBus(mainloop=dbus.mainloop.glib.DBusGMainLoop()), set()
app = App(bus, "/app")
bus.get_object(DAEMON, ROOT, introspect=False)  # starts the daemon if it does not run
bus.watch_name_owner(DAEMON, daemon_is)
GLib.MainLoop().run()
