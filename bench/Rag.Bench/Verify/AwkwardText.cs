using System.Text;
using Rag.Ingestion;

namespace Rag.Bench.Verify;

/// <summary>
/// Markdown that offsets go wrong on: characters of two code units, combining marks, right-to-left and CJK text, soft
/// hyphens and zero-width marks that cleaning takes out, mixed line ends, code, tables and lists longer than a chunk.
/// </summary>
internal static class AwkwardText
{
    private static readonly string[] Pieces =
    [
        "The pump 🛠️ delivers 40 l/min at 3.5 bar.", "Zu\u00ADsam\u00ADmen\u00ADset\u00ADzung der Lösung, z.B. 5 % NaCl.", "Ein e\u0301clair kostet 3,50 €!",
        "يجب حفظ السجلات لمدة سبع سنوات.", "記録は七年間保存される。監査は毎年行う。", "He said: \"Dr. Smith left at 5 p.m.\" Then nothing…", "A zero\u200Bwidth space and a \u2060joiner hide here.",
        "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝕚𝕟 𝕥𝕨𝕠 𝕦𝕟𝕚𝕥𝕤 👩‍👩‍👧‍👦 counts.", "Non\u00A0breaking\u202Fblanks stay blanks.", "See [12] and [13, 14]. It was shown [1].", "Line one\r\nline two\rline three.",
        "Is it so? Yes! No?! \u201CQuite.\u201D (Perhaps.)", "v1.2.3 of foo.bar.baz() returns NULL.",
    ];

    public static IncomingFile File(int number, Random random)
    {
        var words = new GeneratedText(random.Next());
        var text = new StringBuilder($"# {words.Word()} {words.Word()} {number}\n\n");
        for (int section = 0; section < 6; section++)
        {
            text.Append($"## {words.Word()} 🧭 {words.Word()}\n\n");
            for (int p = 0; p < 3; p++) text.Append(string.Join(' ', Enumerable.Range(0, random.Next(1, 9)).Select(_ => random.Next(2) == 0 ? words.Sentence() : Pieces[random.Next(Pieces.Length)]))).Append("\n\n");
            switch (section % 3)
            {
                case 0:
                    for (int i = 1; i <= random.Next(3, 40); i++) text.Append($"{i}. {words.Sentence()}{(i % 5 == 0 ? "\n   - " + Pieces[random.Next(Pieces.Length)].ReplaceLineEndings(" ") : "")}\n");
                    break;
                case 1:
                    text.Append("| name | größe | note |\n|---|---|---|\n");
                    for (int i = 0; i < random.Next(3, 60); i++) text.Append($"| {words.Word()} | {random.Next(1000)} 🧪 | {words.Word()} {words.Word()} |\n");
                    break;
                default:
                    text.Append("Run this:\n\n```sh\n");
                    for (int i = 0; i < random.Next(2, 80); i++) text.Append($"  {words.Word()} --{words.Word()}='é{i}'\t# {words.Word()}\n");
                    text.Append("```\n");
                    break;
            }
            text.Append('\n');
        }
        return new($"generated/{number}.md", Encoding.UTF8.GetBytes(text.ToString()));
    }

    /// <summary>The same document with text put in front, so that every offset moves.</summary>
    public static IncomingFile Changed(IncomingFile file) =>
        file with { Content = (byte[])[.. "Put in front later: 👋 a line that moves everything.\n\n"u8, .. file.Content.Span] };
}
