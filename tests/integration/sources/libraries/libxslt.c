/* link with: libxslt libexslt */
#include <libexslt/exslt.h>
#include <libxml/parser.h>
#include <libxslt/transform.h>
#include <libxslt/xsltutils.h>
#include <string.h>
#include "check.h"

static const char sheet[] =
    "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'"
    " xmlns:math='http://exslt.org/math' xmlns:str='http://exslt.org/strings' exclude-result-prefixes='math str'>"
    "<xsl:output method='text'/>"
    "<xsl:param name='greeting'/>"
    "<xsl:template match='/list'><xsl:value-of select='$greeting'/>"
    "<xsl:for-each select='item'><xsl:sort select='@price' data-type='number' order='descending'/>"
    "<xsl:value-of select=\"concat(' ', position(), '=', .)\"/></xsl:for-each>"
    "<xsl:value-of select=\"concat(' most ', math:max(item/@price), str:padding(2, '!'))\"/>"
    "</xsl:template></xsl:stylesheet>";
static const char document[] = "<list><item price='3'>a</item><item price='10'>b</item><item price='7'>c</item></list>";

static xmlDocPtr read(const char *text) {
    xmlDocPtr tree = xmlReadMemory(text, (int)strlen(text), NULL, NULL, 0);
    CHECK(tree);
    return tree;
}

static void ignore(void *context, const char *format, ...) { (void)context, (void)format; }

int main(void) {
    exsltRegisterAll();
    xsltStylesheetPtr style = xsltParseStylesheetDoc(read(sheet));
    CHECK(style);
    xmlDocPtr source = read(document);
    const char *parameters[] = {"greeting", "'hello'", NULL};
    xmlDocPtr result = xsltApplyStylesheet(style, source, parameters);
    xmlChar *text;
    int size;
    CHECK(result && xsltSaveResultToString(&text, &size, result, style) == 0);
    CHECK(strcmp((char *)text, "hello 1=b 2=c 3=a most 10!!") == 0);
    xmlFree(text);
    xmlFreeDoc(result);
    xmlFreeDoc(source);
    xsltFreeStylesheet(style);

    xsltSetGenericErrorFunc(NULL, ignore);
    xmlDocPtr wrong = read("<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>"
                           "<xsl:template match='['/></xsl:stylesheet>");
    CHECK(!xsltParseStylesheetDoc(wrong));
    xmlFreeDoc(wrong);
    xsltCleanupGlobals();
    xmlCleanupParser();
    return 0;
}
