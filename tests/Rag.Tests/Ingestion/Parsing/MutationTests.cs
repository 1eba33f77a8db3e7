using System.Diagnostics;
using Rag.Ingestion.Parsing;
using Shouldly;
using Xunit;

namespace Rag.Tests.Ingestion.Parsing;

/// <summary>Real files with damage: bytes changed, cut off, doubled. Whatever comes of it is a sound document or a reason.</summary>
public sealed class MutationTests
{
    private const int MutationsPerFile = 12;
    private const int MaxFileBytes = 60_000;
    private static readonly string[] Reasons = ["broken", "encrypted", "too_large", "hostile", "unsupported", "empty"];

    public static TheoryData<string> Extensions() => [".pdf", ".docx", ".pptx", ".xlsx", ".odt", ".epub", ".eml", ".rtf", ".html", ".md", ".csv", ".txt", ".doc"];

    [Theory]
    [MemberData(nameof(Extensions))]
    public void A_damaged_file_is_refused_with_a_reason_or_read(string extension)
    {
        var files = Directory.GetFiles(ParsingData.FolderOrSkip("files"), "*" + extension).Where(f => new FileInfo(f).Length <= MaxFileBytes).Order(StringComparer.Ordinal).ToList();
        files.ShouldNotBeEmpty();
        var random = new Random(20_040_229);
        foreach (string file in files)
        {
            byte[] original = File.ReadAllBytes(file);
            for (int i = 0; i < MutationsPerFile; i++)
            {
                byte[] damaged = Damage(original, random);
                var clock = Stopwatch.StartNew();
                try
                {
                    ParsingData.ShouldBeSound(FormatParser.Parse(Path.GetFileName(file), damaged, 2_000_000));
                }
                catch (ParseException e)
                {
                    Reasons.ShouldContain(e.Reason);
                    e.Message.ShouldEndWith(".");
                }
                clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(20), $"{Path.GetFileName(file)}, mutation {i}");
            }
        }
    }

    private static byte[] Damage(byte[] original, Random random)
    {
        byte[] bytes = [.. original];
        if (bytes.Length == 0) return bytes;
        switch (random.Next(4))
        {
            case 0:
                for (int i = random.Next(1, 20); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                return bytes;
            case 1:
                return bytes[..random.Next(bytes.Length)];
            case 2:
                int from = random.Next(bytes.Length), to = random.Next(from, bytes.Length);
                return [.. bytes[..from], .. bytes[to..]];
            default:
                int at = random.Next(bytes.Length);
                return [.. bytes[..at], .. bytes[Math.Max(0, at - 500)..at], .. bytes[at..]];
        }
    }
}
