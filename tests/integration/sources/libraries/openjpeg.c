/* link with: libopenjp2 */
#include <openjpeg.h>
#include <string.h>
#include "check.h"

enum { WIDTH = 64, HEIGHT = 48 };

static int at(int component, int i) { return (component * 85 + 3 * (i % WIDTH) + 2 * (i / WIDTH)) % 256; }

static void encode(void) {
    opj_image_cmptparm_t parts[3] = {0};
    for (int i = 0; i < 3; i++) parts[i] = (opj_image_cmptparm_t){.dx = 1, .dy = 1, .w = WIDTH, .h = HEIGHT, .prec = 8};
    opj_image_t *image = opj_image_create(3, parts, OPJ_CLRSPC_SRGB);
    image->x1 = WIDTH;
    image->y1 = HEIGHT;
    for (int component = 0; component < 3; component++)
        for (int i = 0; i < WIDTH * HEIGHT; i++) image->comps[component].data[i] = at(component, i);
    opj_cparameters_t parameters;
    opj_set_default_encoder_parameters(&parameters);
    opj_codec_t *codec = opj_create_compress(OPJ_CODEC_JP2);
    CHECK(opj_setup_encoder(codec, &parameters, image));
    opj_stream_t *stream = opj_stream_create_default_file_stream("try.jp2", OPJ_FALSE);
    CHECK(stream && opj_start_compress(codec, image, stream) && opj_encode(codec, stream));
    CHECK(opj_end_compress(codec, stream));
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
}

static opj_image_t *decode(OPJ_CODEC_FORMAT format) {
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_codec_t *codec = opj_create_decompress(format);
    opj_stream_t *stream = opj_stream_create_default_file_stream("try.jp2", OPJ_TRUE);
    opj_image_t *image = NULL;
    CHECK(stream && opj_setup_decoder(codec, &parameters));
    int good = opj_read_header(stream, codec, &image) && opj_decode(codec, stream, image);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    if (good) return image;
    opj_image_destroy(image);
    return NULL;
}

int main(void) {
    encode();
    opj_image_t *image = decode(OPJ_CODEC_JP2);
    CHECK(image && image->numcomps == 3);
    for (int component = 0; component < 3; component++)
        for (int i = 0; i < WIDTH * HEIGHT; i++) CHECK(image->comps[component].data[i] == at(component, i));
    opj_image_destroy(image);
    CHECK(!decode(OPJ_CODEC_J2K));
    return remove("try.jp2");
}
