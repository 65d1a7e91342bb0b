-- Ahoy in Hyprland from 0.55 on, also while it is locked: `require` this in ~/.config/hypr/hyprland.lua. Starting Ahoy is
-- left to the session: systemctl --user start ahoyd.service ahoy-window.service

local on_lock = { locked = true }

-- The key that some keyboards have: answers what rings, else ends the call.
hl.bind("XF86Phone", hl.dsp.exec_cmd("ahoyctl press"), on_lock)
hl.bind("SUPER + F9", hl.dsp.exec_cmd("ahoyctl answer"), on_lock)
hl.bind("SUPER + F10", hl.dsp.exec_cmd("ahoyctl decline || ahoyctl hangup"), on_lock)
hl.bind("SUPER + F11", hl.dsp.exec_cmd("ahoyctl mute"), on_lock)
hl.bind("SUPER + SHIFT + F11", hl.dsp.exec_cmd("ahoyctl unmute"), on_lock)
-- Hush: rings on without a sound.
hl.bind("SUPER + F12", hl.dsp.exec_cmd("ahoyctl silence"), on_lock)
