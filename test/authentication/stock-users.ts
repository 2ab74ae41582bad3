import { Users } from "../../src/authentication/users.ts";

/** `user` of RFC 7677, section 3, whose password is `pencil`; the keys as other servers have derived them. */
export const pencilVerifier =
  "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

export const stockUsers = () => new Users({ user: pencilVerifier });
