"""A calling app that can do everything and breaks one rule: `broken.py FAULT [NUMBER...]`. FAULT "none" breaks none."""
import os, sys, uuid
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

DAEMON, ROOT, API = "org.ahoycall.Provider1", "/org/ahoycall/Calls1", "org.ahoycall.Calls1."
APP = API + "ProviderApp"
FAULT = sys.argv[1]
NEEDS = {
    "set-held": "hold", "set-muted": "mute", "play-dtmf": "dtmf", "set-video": "video",
    "switch-camera": "video", "set-endpoint": "endpoints", "set-screen-share": "screen", "send-text": "text",
    "set-group": "merge", "transfer": "transfer",
}
CAN = sorted(set(NEEDS.values()))
if FAULT == "does-unclaimed":
    CAN.remove("dtmf")
calls = {}
registered = 0


def sv(values):
    return dbus.Dictionary(values, "sv")


def later(work):
    """After the reply that is being made."""
    GLib.idle_add(lambda: (work(), False)[1])


def refuse(why):
    raise dbus.DBusException(why, name="org.example.Failed")


class App(dbus.service.Object):
    @dbus.service.method(APP, in_signature="ussoa{sv}", async_callbacks=("done", "fail"))
    def Perform(self, serial, txn, action, call, args, done, fail):
        if FAULT == f"silent-{action}" and call in calls or FAULT == "deaf-again" and registered > 1:
            return
        try:
            self.carry_out(action, call, args)
        except dbus.DBusException as error:
            return fail(error)
        done()

    def carry_out(self, action, call, args):
        if FAULT == "answers-anybody" and action == "answer":
            return
        if FAULT == "does-anything" and action == "x-check" and call in calls:
            return
        if action == "start":
            return self.start(call)
        if call not in calls:
            refuse("no such call")
        if FAULT == f"refuses-{action}" or FAULT == f"refuses-{args.get('reason', '')}":
            refuse("does not want to")
        if action == "set-held" and FAULT == "refuses-again" and args["held"] == calls[call].get("held"):
            refuse("is so already")
        known = action in ("answer", "end", "set-local-silence") or NEEDS.get(action) in CAN
        if not known and not (FAULT == "does-unclaimed" and action == "play-dtmf"):
            refuse("cannot do that")
        if action == "send-text" and FAULT == "writes-only-when-on" and calls[call].get("rings"):
            refuse("is not on")
        calls[call].update(args, rings=False)
        if action == "set-held" and FAULT == "reports-early":
            us.Update(call, sv({"held": args["held"]}))
        if action == "play-dtmf" and FAULT == "contradicts":
            later(lambda: us.Update(call, sv({"muted": True})))
        if action in ("end", "transfer"):
            del calls[call]
            if FAULT == "speaks-of-the-dead":
                later(lambda: self.try_to(us.Update, call, sv({"name": "Ann"})))

    def start(self, call):
        if FAULT == "refuses-start":
            refuse("no line")
        calls[call] = {}
        if FAULT == "stands-still":
            return
        later(lambda: us.Update(call, sv({"capabilities": dbus.Array(CAN, "s")})))
        if FAULT == "odd-state":
            later(lambda: self.try_to(us.ReportState, call, "talking", dbus.UInt64(0)))
        later(lambda: us.ReportState(call, "active", dbus.UInt64(0)))

    def try_to(self, method, *args):
        try:
            method(*args)
        except dbus.DBusException:
            pass

    @dbus.service.method(APP, in_signature="a{sv}")
    def AudioActivated(self, options):
        if FAULT == "no-audio":
            refuse("what is that")

    @dbus.service.method(APP)
    def AudioDeactivated(self):
        if FAULT == "audio-ends":
            for call in [call for call in calls if calls[call].get("held") and "over" not in calls[call]]:
                calls[call]["over"] = True
                self.try_to(us.ReportEnded, call, "failed", "no microphone", dbus.UInt64(0))

    @dbus.service.method(APP, in_signature="u")
    def TimedOut(self, serial):
        if FAULT == "no-time-out":
            refuse("what is that")

    @dbus.service.method(APP, in_signature="s(ss)b")
    def CallBack(self, row, remote, video):
        if FAULT == "no-call-back":
            raise dbus.DBusException("", name="org.freedesktop.DBus.Error.UnknownMethod")
        refuse("not now")

    @dbus.service.method(APP)
    def Reset(self):
        if FAULT == "takes-up":
            for call in calls:
                state = {"remote": ("tel", "+1"), "state": "active"}
                us.ReportOutgoing(call.rsplit("/", 1)[1].replace("_", "-"), sv(state))
        elif FAULT != "forgets-nothing":
            calls.clear()


def register():
    global us, registered
    options = {"schemes": ["tel"], "hold": True, "video": True}
    options["max-calls"] = "many" if FAULT == "odd-option" else dbus.UInt32(8)
    registry = dbus.Interface(bus.get_object(DAEMON, ROOT, introspect=False), API + "Registry")
    path = registry.Register("org.example.Broken", dbus.ObjectPath("/app"), sv(options))
    us = dbus.Interface(bus.get_object(DAEMON, path, introspect=False), API + "Provider")
    registered += 1
    one = str(uuid.uuid4())
    while sys.argv[2:]:
        who = {"remote": ("tel", sys.argv.pop(2)), "capabilities": dbus.Array(CAN, "s")}
        try:
            call, how = us.ReportIncoming(one if FAULT == "one-uuid" else str(uuid.uuid4()), sv(who))
            calls[call] = {"rings": True}
        except dbus.DBusException:
            pass


def daemon_is(owner):
    calls.clear()
    if not owner and FAULT == "dies":
        os._exit(3)
    if owner and not (FAULT == "never-registers" or FAULT == "registers-once" and registered):
        try:
            register()
        except dbus.DBusException as error:
            print(error, file=sys.stderr)


bus = dbus.SessionBus(mainloop=dbus.mainloop.glib.DBusGMainLoop())
app = App(bus, "/app")
bus.watch_name_owner(DAEMON, daemon_is)
GLib.MainLoop().run()
