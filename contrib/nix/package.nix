# The derivation; what is installed and where is contrib/files' business, as for every other package. Without
# ahoy-voice, which is linked to PocketSphinx 5prealpha (nixpkgs has 5.0).
{
  lib,
  rustPlatform,
  pkg-config,
  wrapGAppsHook4,
  espeak-ng,
  glib,
  gst_all_1,
  gtk4,
  libadwaita,
  pipewire,
}:

rustPlatform.buildRustPackage {
  pname = "ahoy";
  version = "0.1.0";

  src = ../..;
  cargoLock.lockFile = ../../Cargo.lock;
  cargoBuildFlags = [
    "--package=ahoy"
    "--package=ahoyctl"
    "--package=ahoy-media"
    "--package=ahoy-window"
  ];
  # The others want a bus, devices and a screen.
  cargoTestFlags = [
    "--package=ahoy-core"
    "--lib"
  ];

  nativeBuildInputs = [
    pkg-config
    # libclang, for the bindings to PipeWire.
    rustPlatform.bindgenHook
    # Also tells the programs where GStreamer's plugins are.
    wrapGAppsHook4
  ];
  buildInputs = [
    glib
    gst_all_1.gst-plugins-base
    gst_all_1.gst-plugins-good
    gst_all_1.gstreamer
    gtk4
    libadwaita
    pipewire
  ];

  # Cargo's own installation knows programs only.
  installPhase = ''
    runHook preInstall
    patchShebangs contrib
    contrib/stage --without ahoy-voice --prefix "$out" --programs "target/$(rustc -vV | sed -n 's/^host: //p')/release" /
    runHook postInstall
  '';
  preFixup = ''
    gappsWrapperArgs+=(--prefix PATH : ${lib.makeBinPath [ espeak-ng ]})
  '';

  meta = {
    description = "Call service for the Linux desktop: one ringer, one log, every app";
    homepage = "https://ahoycall.org";
    license = with lib.licenses; [
      mit
      asl20
    ];
    platforms = lib.platforms.linux;
    mainProgram = "ahoyctl";
  };
}
