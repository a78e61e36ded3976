/* The limit: what a bare C program needs for the same frames.
 *
 * It knows the layout, trusts nothing else, allocates nothing and keeps nothing but flat arrays: wrapper and
 * ciphering header, AES-128-GCM of OpenSSL, then one of two walks:
 *   template: one bounds check and all tags of a row compared, fixed offsets
 *   generic:  a tag switch and a bounds check for every value
 * Keys: "fresh" sets the key up for every message, "cached" keeps one context per meter.
 *
 * argv[1] names a file of frames: u32 count, then per frame 16 bytes key, 16 bytes authentication key,
 * u32 length and the frame; integers in the machine's order.
 * Every line on stdin is "<walk> <keys> <rounds>"; the answer is "<rows per round> <CPU nanoseconds>".
 */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS = 7, ROWS_MAX = 256, TAG_BYTES = 12, ROW_BYTES = 42, TEXT_MAX = 65536 };

struct frame {
    uint8_t key[16], aad[17], *wire;
    uint32_t length;
    EVP_CIPHER_CTX *cached;
};

static int64_t column[COLUMNS][ROWS_MAX];
static EVP_CIPHER_CTX *shared;

static uint32_t be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static uint32_t be32(const uint8_t *p) { return be16(p) << 16 | be16(p + 2); }

static int64_t day_of(int64_t year, int64_t month, int64_t day) {
    if (month <= 2) { year -= 1; month += 12; }
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day - 719469;
}

/* Twelve bytes of date-time to seconds; 0 when it is on the calendar (day 31 of every month is let pass). */
static int seconds_of(const uint8_t *p, int64_t *seconds) {
    uint32_t year = be16(p), month = p[2], day = p[3], hour = p[5], minute = p[6], second = p[7];
    if (year < 1970 || year > 2105 || month - 1 > 11 || day - 1 > 30) return 1;
    if (hour > 23 || minute > 59 || second > 59) return 1;
    *seconds = day_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return 0;
}

/* An A-XDR length of one to three bytes. */
static int length_of(const uint8_t **p, const uint8_t *end, uint32_t *length) {
    if (end - *p < 3) return 1;
    if (**p < 0x80) { *length = **p; *p += 1; return 0; }
    if (**p == 0x81) { *length = (*p)[1]; *p += 2; return 0; }
    if (**p == 0x82) { *length = be16(*p + 1); *p += 3; return 0; }
    return 1;
}

/* Notification and body up to the first row: the row count, or -1. */
static int head(const uint8_t **p, const uint8_t *end) {
    uint32_t count;
    if (end - *p < 8 || (*p)[0] != 0x0f || (*p)[5] != 0 || (*p)[6] != 2 || (*p)[7] != 4) return -1;
    *p += 8;
    for (int field = 0; field < 3; field++) {
        if (end - *p < 2 || **p != 9 || (*p)[1] >= 0x80 || end - *p - 2 < (*p)[1]) return -1;
        *p += 2 + (*p)[1];
    }
    if (end - *p < 2 || **p != 1) return -1;
    *p += 1;
    if (length_of(p, end, &count) || count > ROWS_MAX) return -1;
    return (int)count;
}

static int walk_template(const uint8_t *p, const uint8_t *end) {
    int rows = head(&p, end);
    for (int row = 0; row < rows; row++, p += ROW_BYTES) {
        if (end - p < ROW_BYTES) return -1;
        if (be32(p) != 0x0207090c || p[16] != 0x12 || p[39] != 0x12) return -1;
        if ((p[19] ^ 6) | (p[24] ^ 6) | (p[29] ^ 6) | (p[34] ^ 6)) return -1;
        if (seconds_of(p + 4, &column[0][row])) return -1;
        column[1][row] = be16(p + 17);
        for (int i = 0; i < 4; i++) column[2 + i][row] = be32(p + 20 + 5 * i);
        column[6][row] = be16(p + 40);
    }
    return p == end ? rows : -1;
}

static int value(const uint8_t **p, const uint8_t *end, int64_t *out) {
    static const uint8_t widths[] = {[5] = 4, [6] = 4, [9] = 13, [15] = 1, [16] = 2, [17] = 1, [18] = 2, [20] = 8, [21] = 8, [25] = 12};
    const uint8_t *at = *p + 1;
    if (end - *p < 1 || **p >= sizeof widths || widths[**p] == 0 || end - at < widths[**p]) return 1;
    switch (**p) {
    case 5: *out = (int32_t)be32(at); break;
    case 6: *out = be32(at); break;
    case 9: if (*at != 12 || seconds_of(at + 1, out)) return 1; break;
    case 15: *out = (int8_t)*at; break;
    case 16: *out = (int16_t)be16(at); break;
    case 17: *out = *at; break;
    case 18: *out = be16(at); break;
    case 25: if (seconds_of(at, out)) return 1; break;
    default: *out = (int64_t)((uint64_t)be32(at) << 32 | be32(at + 4));
    }
    *p = at + widths[**p];
    return 0;
}

static int walk_generic(const uint8_t *p, const uint8_t *end) {
    int rows = head(&p, end);
    for (int row = 0; row < rows; row++) {
        if (end - p < 2 || p[0] != 2 || p[1] != COLUMNS) return -1;
        p += 2;
        for (int i = 0; i < COLUMNS; i++)
            if (value(&p, end, &column[i][row])) return -1;
    }
    return p == end ? rows : -1;
}

static int decode(const struct frame *frame, int template, int cached) {
    static uint8_t plain[TEXT_MAX];
    const uint8_t *p = frame->wire, *end = p + frame->length;
    uint8_t nonce[12], tag[TAG_BYTES];
    uint32_t length;
    int written;
    if (frame->length < 21 || be16(p) != 1 || be16(p + 6) != frame->length - 8 || p[8] != 0xdb || p[9] != 8) return -1;
    memcpy(nonce, p + 10, 8);
    p += 18;
    if (length_of(&p, end, &length) || (uint32_t)(end - p) != length || length < 5 + TAG_BYTES || *p != 0x30) return -1;
    memcpy(nonce + 8, p + 1, 4);
    memcpy(tag, end - TAG_BYTES, TAG_BYTES);
    p += 5;
    length -= 5 + TAG_BYTES;
    EVP_CIPHER_CTX *context = cached ? frame->cached : shared;
    if (!EVP_DecryptInit_ex2(context, NULL, cached ? NULL : frame->key, nonce, NULL)) return -1;
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag);
    if (!EVP_DecryptUpdate(context, NULL, &written, frame->aad, 17)) return -1;
    if (!EVP_DecryptUpdate(context, plain, &written, p, (int)length)) return -1;
    if (EVP_DecryptFinal_ex(context, plain + written, &written) <= 0) return -1;
    return (template ? walk_template : walk_generic)(plain, plain + length);
}

static int64_t cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct frame *load(const char *path, uint32_t *count) {
    FILE *file = fopen(path, "rb");
    if (!file || fread(count, 4, 1, file) != 1) exit(2);
    struct frame *frames = calloc(*count, sizeof *frames);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    shared = EVP_CIPHER_CTX_new();
    EVP_DecryptInit_ex2(shared, cipher, NULL, NULL, NULL);
    for (uint32_t i = 0; i < *count; i++) {
        struct frame *frame = &frames[i];
        frame->aad[0] = 0x30;
        if (fread(frame->key, 16, 1, file) != 1 || fread(frame->aad + 1, 16, 1, file) != 1) exit(2);
        if (fread(&frame->length, 4, 1, file) != 1) exit(2);
        frame->wire = malloc(frame->length);
        if (fread(frame->wire, frame->length, 1, file) != 1) exit(2);
        frame->cached = EVP_CIPHER_CTX_new();
        EVP_DecryptInit_ex2(frame->cached, cipher, frame->key, frame->wire + 10, NULL);
    }
    fclose(file);
    return frames;
}

int main(int argc, char **argv) {
    char walk[16], keys[16];
    uint32_t count;
    long rounds;
    if (argc != 2) return 2;
    struct frame *frames = load(argv[1], &count);
    while (scanf("%15s %15s %ld", walk, keys, &rounds) == 3) {
        int template = !strcmp(walk, "template"), cached = !strcmp(keys, "cached"), bad = 0;
        long rows = 0;
        int64_t start = cpu_ns();
        for (long round = 0; round < rounds; round++)
            for (uint32_t i = 0; i < count; i++) {
                int one = decode(&frames[i], template, cached);
                bad |= one < 0;
                rows += one;
            }
        int64_t ns = cpu_ns() - start;
        printf("%ld %lld\n", bad ? -1 : rows / rounds, (long long)ns);
        fflush(stdout);
    }
    return 0;
}
