using System.Text;
using Rag.Ingestion.Parsing;
using Shouldly;
using Xunit;

namespace Rag.Tests.Ingestion.Parsing;

public sealed class ArchiveReaderTests
{
    private static readonly ParsingOptions Options = new();

    [Fact]
    public void Files_of_an_archive_come_one_after_the_other_with_their_paths()
    {
        byte[] zip = ParsingData.Zip(("a.txt", "one"), ("folder/b.md", "# two"), ("folder/", ""), ("__MACOSX/a.txt", "noise"), (".DS_Store", "noise"));
        FileTypes.Detect("x.bin", zip).IsArchive.ShouldBeTrue();
        var entries = ArchiveReader.Read(zip, Options).ToList();
        entries.Select(e => (e.Name, Encoding.UTF8.GetString(e.Content.Span))).ShouldBe([("a.txt", "one"), ("folder/b.md", "# two")]);
    }

    [Fact]
    public void An_archive_inside_an_archive_is_read_and_one_deeper_is_refused()
    {
        byte[] third = ParsingData.Zip(("c.txt", "three"));
        byte[] second = ParsingData.Zip(("b.txt", "two"u8.ToArray()), ("third.zip", third));
        byte[] first = ParsingData.Zip(("second.zip", second), ("a.txt", "one"u8.ToArray()));
        var entries = ArchiveReader.Read(first, Options).ToList();
        entries.Select(e => (e.Name, e.Failure?.Reason)).ShouldBe([("second.zip/b.txt", null), ("second.zip/third.zip", "hostile"), ("a.txt", null)]);
    }

    [Fact]
    public void A_bad_file_is_reported_and_the_rest_go_on()
    {
        byte[] zip = ParsingData.Zip(("big.txt", new byte[200]), ("inner.zip", "PK\u0003\u0004 and nothing more"u8.ToArray()), ("good.txt", "good"u8.ToArray()));
        var entries = ArchiveReader.Read(zip, new() { MaxFileBytes = 100 }).ToList();
        entries.Select(e => (e.Name, e.Failure?.Reason)).ShouldBe([("big.txt", "too_large"), ("inner.zip", "broken"), ("good.txt", null)]);
    }

    [Fact]
    public void A_bomb_among_the_files_is_refused_and_the_rest_go_on()
    {
        byte[] zip = ParsingData.Zip(("bomb.txt", new byte[60_000_000]), ("good.txt", "good"u8.ToArray()));
        ArchiveReader.Read(zip, Options).Select(e => (e.Name, e.Failure?.Reason)).ShouldBe([("bomb.txt", "hostile"), ("good.txt", null)]);
    }

    [Fact]
    public void An_archive_of_too_many_files_is_refused_as_hostile()
    {
        byte[] zip = ParsingData.Zip(Enumerable.Range(0, ZipParts.MaxEntries + 1).Select(i => ($"{i}.txt", "x")).ToArray());
        Should.Throw<ParseException>(() => ArchiveReader.Read(zip, Options).Count()).Reason.ShouldBe("hostile");
    }

    [Fact]
    public void A_damaged_archive_is_refused_as_broken()
    {
        byte[] zip = ParsingData.Zip(("a.txt", "one"), ("b.txt", "two"));
        Should.Throw<ParseException>(() => ArchiveReader.Read(zip[..^30], Options).Count()).Reason.ShouldBe("broken");
    }

    [Theory]
    [InlineData("../../etc/passwd", "etc/passwd")]
    [InlineData("/etc/passwd", "etc/passwd")]
    [InlineData("C:\\temp\\..\\x.txt", "temp/x.txt")]
    [InlineData("a/./b//c.txt", "a/b/c.txt")]
    [InlineData("a\u0000\u202E\nb.txt", "a\u202E b.txt")]
    [InlineData("..", "unnamed")]
    public void Names_cannot_leave_the_folder_they_are_joined_to(string name, string safe) => ArchiveReader.SafeName(name).ShouldBe(safe);
}
