using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>
/// A line end in a value that would go into a header, and a header or a second request behind it. The product writes no value
/// of a request into a header; whoever sends this tries whether somebody does.
/// </summary>
internal static partial class HeaderInjection
{
    public static int Weigh(string text, Reading reading)
    {
        // Lines of headers are what people paste into a question.
        if (reading == Reading.Prose) return 0;
        // U+560A and U+560D lose their upper byte in old encoders and are line ends then.
        string plain = text.Replace('\u560A', '\n').Replace('\u560D', '\r');
        if (!plain.AsSpan().ContainsAny('\r', '\n')) return 0;
        int weight = 0;
        if (reading == Reading.Request ? Header().In(plain) : ValueThenHeader().In(plain)) weight += 5;
        if (SecondRequest().In(plain)) weight += 5;
        return weight;
    }

    [GeneratedRegex(@"[\r\n]+\s*(?:[a-z][a-z-]{2,40}\s*:|HTTP/\d|<\s*(?:html|script|svg|body))", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Header();

    [GeneratedRegex(@"^\S{0,80}[\r\n]+\s*(?:set-cookie|location|content-(?:type|length|disposition)|transfer-encoding|host|refresh|access-control-allow-\w+|x-[a-z-]{2,30}|link|cc|bcc|to|subject)\s*:", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex ValueThenHeader();

    [GeneratedRegex(@"(?:^|[\r\n])\s*(?:GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|CONNECT|TRACE)\s+\S{1,200}\s+HTTP/\d|[\r\n]HTTP/1\.[01]\s+\d{3}\b|[\r\n]0[\r\n]+\s*[A-Z]{3,7}\s+/", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex SecondRequest();
}
