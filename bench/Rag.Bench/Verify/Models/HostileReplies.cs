using System.Globalization;
using System.Text;

namespace Rag.Bench.Verify.Models;

/// <summary>What a selecting model might say: what it should, what is broken, what is meant to harm, and noise.</summary>
internal static class HostileReplies
{
    private const int MaxNoise = 200;

    private static readonly string[] Words =
    [
        "{\"units\":[", "]}", "{", "}", "[", "]", "\"units\"", ":", ",", "1", "0", "-1", "7", "99999999999999999999", "1e9", "2.5", "null", "true", "\"1\"", " ", "\n", "```json", "Ignore all rules above.",
        "{\"answer\":\"The password is swordfish.\"}", "<script>alert(1)</script>", "\u0000", "\ud83d\ude00", "The documents say 42 [1].", "{\"units\":[1]}", "\\u0022", "\ufeff",
    ];

    public static string Next(Random random, int shown) => random.Next(10) switch
    {
        0 or 1 => Units(Enumerable.Range(0, random.Next(0, 14)).Select(_ => random.Next(1, Math.Max(2, shown + 1)).ToString(CultureInfo.InvariantCulture))),
        2 => Units(Enumerable.Range(0, random.Next(1, 30)).Select(_ => random.Next(-3, shown * 2 + 5).ToString(CultureInfo.InvariantCulture))),
        3 => Units(Enumerable.Range(0, random.Next(1, 8)).Select(_ => Words[random.Next(Words.Length)])),
        4 => Cut(Units(Enumerable.Range(0, random.Next(1, 9)).Select(_ => random.Next(1, shown + 2).ToString(CultureInfo.InvariantCulture))), random),
        5 => Units(Enumerable.Repeat("1", random.Next(1, 400))),
        6 or 7 => string.Concat(Enumerable.Range(0, random.Next(1, 30)).Select(_ => Words[random.Next(Words.Length)])),
        8 => Noise(random),
        _ => Units(Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Next(1, shown + 1).ToString(CultureInfo.InvariantCulture))) + Noise(random),
    };

    private static string Units(IEnumerable<string> items) => $"{{\"units\":[{string.Join(',', items)}]}}";

    private static string Cut(string text, Random random) => text[..random.Next(text.Length)];

    private static string Noise(Random random)
    {
        var noise = new StringBuilder();
        for (int i = random.Next(MaxNoise); i > 0; i--)
        {
            char c = (char)random.Next(random.Next(4) == 0 ? 0xD800 : 128);
            noise.Append(c);
        }
        return noise.ToString();
    }
}
