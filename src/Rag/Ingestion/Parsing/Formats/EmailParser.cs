using System.Globalization;
using MimeKit;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>A message (RFC 5322, MIME): its subject as title, who wrote when as metadata, its text, and what is attached.</summary>
internal static class EmailParser
{
    private const int MaxAttachments = 50;
    private const int MaxAttachmentBytes = 50_000_000;
    private const int MaxMimeDepth = 50;

    public static ParsedDocument Parse(ParseInput input)
    {
        var options = new ParserOptions { MaxMimeDepth = MaxMimeDepth, CharsetEncoding = System.Text.Encoding.GetEncoding(1252) };
        using var stream = new MemoryStream(input.ToArray(), writable: false);
        using var message = MimeMessage.Load(options, stream);
        if (message.Headers.Count == 0) throw new ParseException("broken", "the message has no header lines. Export it again from the mail program.");
        var builder = input.Builder();
        string subject = ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(message.Subject ?? ""));
        if (subject.Length > 0) builder.Heading(1, subject);
        Body(message, builder);
        var skipped = Attachments(message, builder, input);
        var metadata = Metadata(message);
        if (skipped.Count > 0) metadata["attachments_not_read"] = string.Join("; ", skipped);
        return builder.Build(subject, input.Type.MediaType, metadata);
    }

    private static void Body(MimeMessage message, ParsedTextBuilder builder)
    {
        string text = message.TextBody ?? "";
        if (string.IsNullOrWhiteSpace(text) && message.HtmlBody is { Length: > 0 } html) HtmlParser.WriteFragment(html, builder);
        else PlainTextParser.Write(text, builder);
    }

    /// <summary>Adds what can be read of each attachment under its name; returns the names of the others, with the reason.</summary>
    private static List<string> Attachments(MimeMessage message, ParsedTextBuilder builder, ParseInput input)
    {
        var skipped = new List<string>();
        if (input.Depth > 0) return skipped;
        long left = MaxAttachmentBytes;
        foreach (var part in message.BodyParts.OfType<MimePart>().Where(p => p.FileName is { Length: > 0 }).Take(MaxAttachments))
        {
            string name = ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(part.FileName ?? ""));
            try
            {
                byte[] content = Content(part, left);
                left -= content.Length;
                var document = FormatParser.Parse(new(name, content, FileTypes.Detect(name, content), input.MaxTextChars, input.Depth + 1));
                builder.Heading(2, name);
                builder.Include(document, under: 2);
            }
            catch (ParseException e) when (e.Reason is not "hostile")
            {
                skipped.Add($"{name} ({e.Reason})");
            }
        }
        return skipped;
    }

    private static byte[] Content(MimePart part, long maxBytes)
    {
        using var target = new MemoryStream();
        if (part.Content is null) return [];
        using var source = part.Content.Open();
        byte[] buffer = new byte[64 * 1024];
        for (int read; (read = source.Read(buffer)) > 0;)
        {
            if (target.Length + read > maxBytes) throw new ParseException("too_large", "the attachments are too large.");
            target.Write(buffer, 0, read);
        }
        return target.ToArray();
    }

    private static Dictionary<string, string> Metadata(MimeMessage message)
    {
        var metadata = new Dictionary<string, string>();
        Add("from", message.From.ToString());
        Add("to", message.To.ToString());
        Add("cc", message.Cc.ToString());
        Add("message_id", message.MessageId);
        if (message.Date != default) metadata["date"] = message.Date.ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture);
        return metadata;

        void Add(string key, string? value)
        {
            string clean = ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(value ?? ""));
            if (clean.Length > 0) metadata[key] = clean;
        }
    }
}
