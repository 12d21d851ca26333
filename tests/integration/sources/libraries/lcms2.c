/* link with: lcms2 */
#include <lcms2.h>
#include <string.h>
#include "check.h"

int main(void) {
    cmsHPROFILE srgb = cmsCreate_sRGBProfile(), lab = cmsCreateLab4Profile(NULL);
    CHECK(srgb && lab);
    cmsHTRANSFORM there = cmsCreateTransform(srgb, TYPE_RGB_8, lab, TYPE_Lab_DBL, INTENT_RELATIVE_COLORIMETRIC, 0);
    cmsHTRANSFORM back = cmsCreateTransform(lab, TYPE_Lab_DBL, srgb, TYPE_RGB_8, INTENT_RELATIVE_COLORIMETRIC, 0);
    CHECK(there && back);
    for (int i = 0; i < 512; i++) {
        unsigned char in[3] = {(unsigned char)(36 * (i % 8)), (unsigned char)(36 * (i / 8 % 8)), (unsigned char)(36 * (i / 64))}, out[3];
        cmsCIELab colour;
        cmsDoTransform(there, in, &colour, 1);
        cmsDoTransform(back, &colour, out, 1);
        for (int j = 0; j < 3; j++) CHECK(abs(in[j] - out[j]) <= 1);
    }
    unsigned char white[3] = {255, 255, 255};
    cmsCIELab colour;
    cmsDoTransform(there, white, &colour, 1);
    CHECK(colour.L > 99.99 && colour.L < 100.01);

    cmsUInt32Number size = 0;
    CHECK(cmsSaveProfileToMem(srgb, NULL, &size) && size > 128);
    unsigned char *profile = malloc(size);
    CHECK(cmsSaveProfileToMem(srgb, profile, &size));
    cmsHPROFILE copy = cmsOpenProfileFromMem(profile, size);
    CHECK(copy && cmsGetColorSpace(copy) == cmsSigRgbData);
    cmsCloseProfile(copy);
    CHECK(!cmsOpenProfileFromMem(profile, 100));
    cmsDeleteTransform(there);
    cmsDeleteTransform(back);
    cmsCloseProfile(srgb);
    cmsCloseProfile(lab);
    return 0;
}
