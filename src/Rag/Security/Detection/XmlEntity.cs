using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>XML that makes its reader open a file or an address, or unfold without end. The product's own reader does neither (see BoundedXml).</summary>
internal static partial class XmlEntity
{
    public static int Weigh(string text, Reading reading)
    {
        if (!text.Contains('<')) return 0;
        int weight = 0;
        if (Outside().In(text)) weight += 5;
        if (Unfolding().In(text)) weight += 5;
        if (Include().In(text)) weight += 5;
        if (weight == 0 && Declared().In(text)) weight += reading == Reading.Prose ? 1 : 5;
        return weight;
    }

    [GeneratedRegex(@"<!(?:ENTITY|DOCTYPE)\s[^>]{0,200}?\b(?:SYSTEM|PUBLIC)\s+(?:[""'][^""']{0,100}[""']\s+)?[""'](?!https?://www\.w3\.org/|http://java\.sun\.com/|-//)(?:\w{2,10}:|/|\.\.|\\\\|\w)", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Outside();

    [GeneratedRegex(@"<!ENTITY\s+%?\s*\w+\s+[""']?\s*(?:&\w{1,30};\s*){2,}", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Unfolding();

    [GeneratedRegex(@"<\w{1,10}:include\b[^>]{0,200}\bhref\s*=|<!ENTITY\s+%\s+\w+\s|<\?xml-stylesheet\b[^>]{0,200}\bhref\s*=\s*[""'](?:https?|file):|<xsl:(?:include|import|value-of\s+select=[""']document\()", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Include();

    [GeneratedRegex(@"<!DOCTYPE\s+\w+\s*\[|<!ENTITY\s", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Declared();
}
