"""Messages to and from air-gapped devices as animated QR codes: BBQr and UR, drawn as frames and read from images."""
