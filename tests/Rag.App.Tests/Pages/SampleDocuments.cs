namespace Rag.App.Tests.Pages;

/// <summary>Small documents of each kind that an answer can quote: sentences, steps, code, a table, and markup that must stay text.</summary>
internal static class SampleDocuments
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
}
