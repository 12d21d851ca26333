/* link with: libwebp libwebpmux libwebpdemux */
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>
#include <webp/mux.h>
#include "check.h"

enum { WIDTH = 70, HEIGHT = 50 };

int main(void) {
    static uint8_t pixels[HEIGHT * WIDTH * 4];
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        uint8_t colour[4] = {(uint8_t)(3 * (i % WIDTH)), (uint8_t)(5 * (i / WIDTH)), 90, 255};
        memcpy(pixels + 4 * i, colour, 4);
    }
    uint8_t *file;
    int width, height;
    size_t size = WebPEncodeLosslessRGBA(pixels, WIDTH, HEIGHT, WIDTH * 4, &file);
    CHECK(size > 0 && WebPGetInfo(file, size, &width, &height) && width == WIDTH && height == HEIGHT);
    uint8_t *back = WebPDecodeRGBA(file, size, &width, &height);
    CHECK(back && memcmp(back, pixels, sizeof pixels) == 0);
    WebPFree(back);
    CHECK(!WebPDecodeRGBA(file, size / 2, &width, &height));

    WebPAnimEncoderOptions options;
    CHECK(WebPAnimEncoderOptionsInit(&options));
    WebPAnimEncoder *encoder = WebPAnimEncoderNew(WIDTH, HEIGHT, &options);
    for (int frame = 0; frame < 3; frame++) {
        WebPConfig config;
        WebPPicture picture;
        CHECK(WebPConfigInit(&config) && WebPPictureInit(&picture));
        picture.use_argb = 1;
        picture.width = WIDTH;
        picture.height = HEIGHT;
        pixels[frame] ^= 255;
        CHECK(WebPPictureImportRGBA(&picture, pixels, WIDTH * 4));
        CHECK(WebPAnimEncoderAdd(encoder, &picture, 40 * frame, &config));
        WebPPictureFree(&picture);
    }
    CHECK(WebPAnimEncoderAdd(encoder, NULL, 120, NULL));
    WebPData film;
    WebPDataInit(&film);
    CHECK(WebPAnimEncoderAssemble(encoder, &film));
    WebPAnimEncoderDelete(encoder);
    WebPDemuxer *demuxer = WebPDemux(&film);
    CHECK(demuxer && WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT) == 3);
    WebPDemuxDelete(demuxer);
    WebPDataClear(&film);

    size = WebPEncodeRGBA(pixels, WIDTH, HEIGHT, WIDTH * 4, 90, &file);
    back = WebPDecodeRGBA(file, size, &width, &height);
    CHECK(back);
    for (int i = 40; i < WIDTH * HEIGHT * 4; i++) CHECK(abs(back[i] - pixels[i]) < 24);
    return 0;
}
