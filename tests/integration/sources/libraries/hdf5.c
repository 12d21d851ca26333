/* link with: hdf5_hl */
#include <hdf5.h>
#include <hdf5_hl.h>
#include <string.h>
#include "check.h"

#ifndef main
/* python.wasm can load HDF5's plug-ins, a program by itself has no dynamic linker. */
void *dlopen(const char *name, int mode) { return (void)name, (void)mode, NULL; }
void *dlsym(void *module, const char *name) { return (void)module, (void)name, NULL; }
int dlclose(void *module) { return module != NULL; }
char *dlerror(void) { return "there is no dynamic linker"; }
#endif

enum { ROWS = 200, COLUMNS = 150 };

static double written[ROWS][COLUMNS], found[ROWS][COLUMNS];

static void write(hid_t file) {
    hsize_t size[2] = {ROWS, COLUMNS}, chunk[2] = {50, 50};
    hid_t space = H5Screate_simple(2, size, NULL), properties = H5Pcreate(H5P_DATASET_CREATE);
    CHECK(H5Pset_chunk(properties, 2, chunk) >= 0 && H5Pset_shuffle(properties) >= 0);
    CHECK(H5Pset_deflate(properties, 6) >= 0 && H5Pset_fletcher32(properties) >= 0);
    hid_t group = H5Gcreate2(file, "measured", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    /* Big-endian in the file, so that it is converted. */
    hid_t data = H5Dcreate2(group, "table", H5T_IEEE_F64BE, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    CHECK(data >= 0 && H5Dwrite(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, written) >= 0);
    CHECK(H5LTset_attribute_string(group, "table", "unit", "metre") >= 0);
    CHECK(H5Dclose(data) >= 0 && H5Gclose(group) >= 0 && H5Pclose(properties) >= 0 && H5Sclose(space) >= 0);
}

static void read(hid_t file) {
    char unit[10];
    CHECK(H5LTget_attribute_string(file, "measured/table", "unit", unit) >= 0 && strcmp(unit, "metre") == 0);
    hid_t data = H5Dopen2(file, "measured/table", H5P_DEFAULT);
    CHECK(H5Dread(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, found) >= 0);
    CHECK(memcmp(written, found, sizeof written) == 0);
    CHECK(H5Dget_storage_size(data) < sizeof written);
    CHECK(H5Dclose(data) >= 0);
    CHECK(H5Dopen2(file, "nothing", H5P_DEFAULT) < 0);
}

int main(void) {
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) written[i][j] = i + j / 8.0;
    CHECK(H5Eset_auto2(H5E_DEFAULT, NULL, NULL) >= 0);
    hid_t file = H5Fcreate("try.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    CHECK(file >= 0);
    write(file);
    CHECK(H5Fclose(file) >= 0);
    file = H5Fopen("try.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    CHECK(file >= 0);
    read(file);
    CHECK(H5Fclose(file) >= 0);
    /* In memory alone. */
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    CHECK(H5Pset_fapl_core(access, 1 << 20, 0) >= 0);
    file = H5Fcreate("nowhere.h5", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    CHECK(file >= 0);
    write(file);
    read(file);
    CHECK(H5Fclose(file) >= 0 && H5Pclose(access) >= 0);
    FILE *other = fopen("other", "w");
    fputs("no such file", other);
    fclose(other);
    CHECK(H5Fopen("other", H5F_ACC_RDONLY, H5P_DEFAULT) < 0 && remove("other") == 0);
    CHECK(H5close() >= 0);
    return remove("try.h5");
}
