/* Notes what a process has made durable, for simulated power cuts: preloaded into it, it stands before fsync and
 * fdatasync. Of a file its number and when it was written to last; of a folder the names in it with their numbers. A note is one
 * line of SYNCED_NOTES, written whole. What is noted is not flushed: only the test decides what is lost. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int note(int fd) {
    const char *notes = getenv("SYNCED_NOTES"), *below = getenv("SYNCED_BELOW");
    char link[64], path[PATH_MAX];
    struct stat found;
    if (!notes || !below || fstat(fd, &found)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (strncmp(path, below, strlen(below))) return 0;
    char *text = NULL;
    size_t size = 0;
    FILE *line = open_memstream(&text, &size);
    if (S_ISDIR(found.st_mode)) {
        fprintf(line, "folder\t%s", path);
        DIR *folder = opendir(path);
        for (struct dirent *entry; folder && (entry = readdir(folder));)
            if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
                fprintf(line, "\t%s\t%llu", entry->d_name, (unsigned long long)entry->d_ino);
        if (folder) closedir(folder);
    } else {
        fprintf(line, "file\t%llu\t%lld", (unsigned long long)found.st_ino,
                found.st_mtim.tv_sec * 1000000000LL + found.st_mtim.tv_nsec);
    }
    fputc('\n', line);
    fclose(line);
    int out = open(notes, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    int is_noted = out >= 0 && write(out, text, size) == (ssize_t)size;
    if (out >= 0) close(out);
    free(text);
    return is_noted;
}

int fsync(int fd) { return note(fd) ? 0 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return note(fd) ? 0 : (int)syscall(SYS_fdatasync, fd); }
