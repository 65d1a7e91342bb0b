# What the windows say. A message has the same name in every language.

answer = Answer
answer-video = Answer with video
decline = Decline
hang-up = Hang up
mute = Mute
unmute = Unmute
camera-on = Camera on
camera-off = Camera off
switch-camera = Switch camera
hold = Hold
resume = Resume
keypad = Keypad
pip = Picture-in-picture
pip-back = Back to the call

incoming-voice = Incoming call
incoming-video = Incoming video call
somebody = Somebody
calling = Calling …
ringing-there = Ringing …
connecting = Connecting …
reconnecting = Reconnecting …
on-hold = On hold
held-there = { $name } has put you on hold
ended = Call ended
ended-declined = Declined
ended-busy = Busy
ended-unanswered = No answer
ended-failed = It did not work: { $why }

encrypted = Encrypted
verified = Encrypted, number compared
transport = Encrypted to a server

recents = Recents
people = People
search-people = Search people
nobody = No people yet
nobody-hint = Invite somebody with `ahoyctl invite`, or import your address book with `ahoyctl contacts import FILE`.
nobody-found = Nobody fits
no-recents = No calls yet
no-recents-hint = Calls show up here once there are some.
call-somebody = Call { $name }
call-voice = Voice call
call-video = Video call
cancel = Cancel
missed = { $count ->
    [one] 1 missed call
   *[other] { $count } missed calls
}
outcome-answered = Answered
outcome-missed = Missed
outcome-declined = Declined
outcome-cancelled = Cancelled
outcome-failed = Failed
outcome-elsewhere = Answered elsewhere
outcome-ongoing = Now
way-incoming = Incoming
way-outgoing = Outgoing
add-favourite = Add to favourites
remove-favourite = Remove from favourites

locked = The session is locked
locked-hint = Unlock it to see people and calls.
not-running = The call service does not run
not-running-hint = Start it with `systemctl --user start ahoyd`.
failed = That did not work: { $why }
picture-of = Picture of { $name }
picture-of-you = Picture of you
