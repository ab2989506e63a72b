"""Descriptors that are watched as one: see readiness.h."""

cdef extern from "core/readiness.h":
    enum:
        READY_AT_ONCE, HAS_READINESS, SET_IS_INHERITED
    int readiness_open() noexcept nogil
    void readiness_close(int set) noexcept nogil
    int readiness_add(int set, int fd) noexcept nogil
    int readiness_add_once(int set, int fd) noexcept nogil
    void readiness_remove(int set, int fd) noexcept nogil
    int readiness_wait(int set, int *fds, int timeout_ms) noexcept nogil

cdef int forks = 0          # how many lie between this process and the one that imported us
