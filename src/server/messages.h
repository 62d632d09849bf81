/* What control and workers say to each other, in frames of io/ipc.h. Numbers are u64, bytes are length-prefixed. */
#ifndef SERVER_MESSAGES_H
#define SERVER_MESSAGES_H

enum { MESSAGES_VERSION = 1 };

enum { MESSAGES_FRAME_MAX = 8 * 1024 * 1024, MESSAGES_BACKLOG_MAX = 64 * 1024 * 1024 };

enum message_type {
    MESSAGE_HELLO = 1, /* worker -> control: version, bytes token, slot, applied revision */
    MESSAGE_WELCOME, /* control -> worker: version, revision; then the changes the worker lacks: as MESSAGE_STATE */
    MESSAGE_STATE, /* control -> worker: revision, reload (0/1), count, then per key: table, bytes key */
    MESSAGE_APPLIED, /* worker -> control: revision that it serves now */
    MESSAGE_CALL, /* worker -> control: id, enum script_state_op, bytes ns, bytes module, bytes args (JSON) */
    MESSAGE_REPLY, /* control -> worker: id, enum err_code, bytes result or message */
    MESSAGE_PAUSE, /* control -> worker: another control follows; send no calls before that one's welcome */
    MESSAGE_PAUSED, /* worker -> control: no call comes any more on this link */
};

#endif
