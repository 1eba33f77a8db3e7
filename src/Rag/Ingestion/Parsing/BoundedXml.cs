using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// XML from strangers: no document type is processed, so no entity expands and nothing outside is fetched; depth and
/// length are bounded. Elements are then looked up by local name, which reads strict and transitional OOXML alike.
/// </summary>
internal static class BoundedXml
{
    public const int MaxDepth = 256;
    private const long MaxChars = 300_000_000;

    /// <exception cref="ParseException">broken, hostile.</exception>
    public static XElement Load(byte[] xml, string part)
    {
        CheckDepth(xml, part);
        try
        {
            using var reader = Open(xml, part);
            return XDocument.Load(reader, LoadOptions.PreserveWhitespace).Root!;
        }
        catch (XmlException e)
        {
            throw Broken(part, e);
        }
    }

    /// <summary>A reader for parts too large to hold as a tree; the caller wraps XmlException as <see cref="Broken"/>.</summary>
    public static XmlReader Open(byte[] xml, string part)
    {
        RefuseEntities(xml, part);
        return XmlReader.Create(new MemoryStream(xml, writable: false), new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Ignore,
            XmlResolver = null,
            MaxCharactersInDocument = MaxChars,
            MaxCharactersFromEntities = 1,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        });
    }

    public static ParseException Broken(string part, XmlException e) =>
        new("broken", $"the file is damaged: \"{part}\" is not well-formed XML (line {e.LineNumber}). Save or export it again.", e);

    private static void CheckDepth(byte[] xml, string part)
    {
        try
        {
            using var reader = Open(xml, part);
            while (reader.Read())
            {
                if (reader.Depth > MaxDepth)
                    throw new ParseException("hostile", $"\"{part}\" nests deeper than {MaxDepth} levels, which no document needs. Save or export it again.");
            }
        }
        catch (XmlException e)
        {
            throw Broken(part, e);
        }
    }

    private static void RefuseEntities(ReadOnlySpan<byte> xml, string part)
    {
        // A document type stands before the root element, so the start of the file is enough; comments could push it
        // further down, but then the reader ignores it and refuses the entity where it is used.
        var head = xml[..Math.Min(xml.Length, 64 * 1024)];
        if (head.IndexOf("<!ENTITY"u8) >= 0 || head.IndexOf(Encoding.Unicode.GetBytes("<!ENTITY")) >= 0 || head.IndexOf(Encoding.BigEndianUnicode.GetBytes("<!ENTITY")) >= 0)
            throw new ParseException("hostile", $"\"{part}\" declares XML entities, which are used to exhaust a reader's memory. Save it without a document type declaration.");
    }

    public static bool Is(this XElement element, string localName) => element.Name.LocalName == localName;

    public static XElement? Child(this XElement? element, string localName) =>
        element?.Elements().FirstOrDefault(e => e.Name.LocalName == localName);

    public static IEnumerable<XElement> Children(this XElement? element, string localName) =>
        element?.Elements().Where(e => e.Name.LocalName == localName) ?? [];

    public static IEnumerable<XElement> Below(this XElement? element, string localName) =>
        element?.Descendants().Where(e => e.Name.LocalName == localName) ?? [];

    /// <summary>An attribute by local name, whatever its namespace.</summary>
    public static string? Attr(this XElement? element, string localName) =>
        element?.Attributes().FirstOrDefault(a => a.Name.LocalName == localName && !a.IsNamespaceDeclaration)?.Value;
}
