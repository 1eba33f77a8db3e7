using System.Text;

namespace Rag.Testing.Console;

/// <summary>Small documents of each kind that an answer can quote: sentences, steps, code, a table, and markup that must stay text.</summary>
public static class SampleDocuments
{
    public const string RestoreQuestion = "How do I restore a backup?";
    public const string VacationQuestion = "How many vacation days do employees have?";
    public const string CarryQuestion = "Can vacation days be carried over?";
    public const string ForeignQuestion = "Which river flows through Vienna?";
    public const string HostileQuestion = "What does the gadget form say about the script element?";

    public const string HostileMarkup = "<script>window.pwned = true</script><img src=x onerror=\"window.pwned = true\"><b>bold</b>";

    public static readonly IReadOnlyList<(string Name, string Text)> All =
    [
        ("handbook/backups.md",
            """
            # Backups

            Backups are made every night and kept on another machine.

            ## Restore a backup

            To restore a backup, do the following:

            1. Stop the service.
            2. Run the restore command:

            ```bash
            rag backup restore latest
            ```

            3. Start the service again.

            ## How long backups are kept

            | Kind | Kept for |
            |------|----------|
            | daily | 30 days |
            | weekly | 12 weeks |

            Backups older than that are deleted by the nightly job.
            """),
        ("handbook/vacation.md",
            """
            # Vacation

            Employees have 28 vacation days a year. Part-time employees have vacation days in proportion to their hours.

            ## Carrying over

            Vacation days can be carried over until the end of March. After that they are lost 😀 unless illness prevented taking them.
            """),
        ("notes/gadget.txt",
            $"""
            Gadget form

            The gadget form says about the script element {HostileMarkup} that it must never run. Whoever reads the form sees every sign of it.
            """),
    ];

    /// <summary>A PDF (ISO 32000-1, 7.5) with the lines of each page one below the other.</summary>
    public static byte[] Pdf(params string[] pages)
    {
        var objects = new List<string>
        {
            "<< /Type /Catalog /Pages 2 0 R >>",
            $"<< /Type /Pages /Count {pages.Length} /Kids [{string.Join(' ', pages.Select((_, i) => $"{4 + 2 * i} 0 R"))}] >>",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        };
        for (int i = 0; i < pages.Length; i++)
        {
            string content = $"BT /F1 10 Tf 12 TL 72 720 Td {string.Concat(pages[i].Split('\n').Select(line => $"({line}) Tj T* "))}ET";
            objects.Add($"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * i} 0 R >>");
            objects.Add($"<< /Length {content.Length} >>\nstream\n{content}\nendstream");
        }
        var file = new StringBuilder("%PDF-1.4\n");
        var offsets = new List<int>();
        for (int i = 0; i < objects.Count; i++)
        {
            offsets.Add(file.Length);
            file.Append($"{i + 1} 0 obj\n{objects[i]}\nendobj\n");
        }
        int xref = file.Length;
        file.Append($"xref\n0 {objects.Count + 1}\n0000000000 65535 f \n");
        foreach (int offset in offsets) file.Append($"{offset:D10} 00000 n \n");
        file.Append($"trailer\n<< /Size {objects.Count + 1} /Root 1 0 R >>\nstartxref\n{xref}\n%%EOF\n");
        return Encoding.ASCII.GetBytes(file.ToString());
    }
}
