/* link with: libxml-2.0 */
#include <libxml/HTMLparser.h>
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <libxml/xpath.h>
#include <string.h>
#include "check.h"

static const char document[] =
    "<?xml version='1.0' encoding='ISO-8859-15'?>\n"
    "<!DOCTYPE list [<!ENTITY who 'w&#246;rld'>]>\n"
    "<list><item price='3'>hello</item><item price='4'>&who; \xa4</item></list>";

static void parse(void) {
    xmlDocPtr tree = xmlReadMemory(document, sizeof document - 1, "list.xml", NULL, XML_PARSE_NOENT);
    CHECK(tree);
    xmlXPathContextPtr context = xmlXPathNewContext(tree);
    xmlXPathObjectPtr sum = xmlXPathEvalExpression(BAD_CAST "sum(//item/@price)", context);
    CHECK(sum && sum->type == XPATH_NUMBER && sum->floatval == 7);
    xmlXPathObjectPtr text = xmlXPathEvalExpression(BAD_CAST "string(//item[2])", context);
    /* The currency sign of Latin-9 is the euro: iconv of the C library or our own tables, in any case not Latin-1. */
    CHECK(strcmp((char *)text->stringval, "w\xc3\xb6rld \xe2\x82\xac") == 0);
    xmlXPathFreeObject(text);
    xmlXPathFreeObject(sum);
    xmlXPathFreeContext(context);
    xmlChar *written;
    int size;
    xmlDocDumpMemoryEnc(tree, &written, &size, "UTF-16");
    CHECK(size > 100 && (memcmp(written, "\xff\xfe", 2) == 0 || memcmp(written, "\xfe\xff", 2) == 0));
    xmlFree(written);
    xmlFreeDoc(tree);
}

static void refuse(void) {
    CHECK(!xmlReadMemory("<a><b></a>", 10, NULL, NULL, XML_PARSE_NOERROR | XML_PARSE_NOWARNING));
    const xmlError *error = xmlGetLastError();
    CHECK(error && error->code == XML_ERR_TAG_NOT_FINISHED && error->line == 1);
    /* Entities that grow without end. */
    static const char bomb[] =
        "<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>"
        "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'><!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'>"
        "<!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'><!ENTITY g '&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;'>]>"
        "<a>&g;&g;&g;&g;&g;&g;&g;&g;</a>";
    CHECK(!xmlReadMemory(bomb, sizeof bomb - 1, NULL, NULL, XML_PARSE_NOENT | XML_PARSE_NOERROR));
    CHECK(xmlGetLastError()->code == XML_ERR_ENTITY_LOOP);
}

static void validate(void) {
    static const char schema[] =
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='age'><xs:simpleType>"
        "<xs:restriction base='xs:integer'><xs:maxInclusive value='150'/><xs:pattern value='[0-9]+'/>"
        "</xs:restriction></xs:simpleType></xs:element></xs:schema>";
    xmlSchemaParserCtxtPtr parser = xmlSchemaNewMemParserCtxt(schema, sizeof schema - 1);
    xmlSchemaPtr parsed = xmlSchemaParse(parser);
    CHECK(parsed);
    xmlSchemaValidCtxtPtr validator = xmlSchemaNewValidCtxt(parsed);
    static const char *const documents[] = {"<age>42</age>", "<age>151</age>"};
    for (int i = 0; i < 2; i++) {
        xmlDocPtr tree = xmlReadMemory(documents[i], (int)strlen(documents[i]), NULL, NULL, 0);
        CHECK((xmlSchemaValidateDoc(validator, tree) == 0) == (i == 0));
        xmlFreeDoc(tree);
    }
    xmlSchemaFreeValidCtxt(validator);
    xmlSchemaFree(parsed);
    xmlSchemaFreeParserCtxt(parser);
}

static void ignore(void *context, const char *format, ...) { (void)context, (void)format; }

int main(void) {
    LIBXML_TEST_VERSION
    xmlSetGenericErrorFunc(NULL, ignore);
    parse();
    refuse();
    validate();
    htmlDocPtr page = htmlReadMemory("<p>one<p>two", 12, NULL, NULL, HTML_PARSE_NOERROR);
    CHECK(page && xmlStrcmp(xmlDocGetRootElement(page)->name, BAD_CAST "html") == 0);
    xmlFreeDoc(page);
    xmlCleanupParser();
    return 0;
}
