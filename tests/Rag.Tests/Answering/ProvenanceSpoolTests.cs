using Microsoft.Extensions.Logging.Abstractions;
using Rag.Answering;
using Rag.Storage;

namespace Rag.Tests.Answering;

public sealed class ProvenanceSpoolTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rag-spool-").FullName;
    private readonly DataDirectory _data;

    public ProvenanceSpoolTests() => _data = DataDirectory.Open(new StorageOptions { DataDirectory = _folder });

    private string[] Files => [.. Directory.EnumerateFiles(Path.Combine(_folder, "spool")).Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        _data.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void What_was_appended_is_read_in_order_by_the_next_process_and_gone_once_written()
    {
        using (var spool = Open()) spool.Append(Records(0, 600));
        using var next = Open();
        next.Count.ShouldBe(600);
        next.Find("id-000007").ShouldNotBeNull().Question.ShouldStartWith("question 7 ");
        next.Find("absent").ShouldBeNull();
        next.Append(Records(600, 10));
        var read = new List<string>();
        while (next.ReadOldest(100) is { Count: > 0 } batch)
        {
            read.AddRange(batch.Select(r => r.Id));
            next.Written(batch);
        }
        read.ShouldBe(Records(0, 610).Select(r => r.Id));
        (next.Count, Files.Length, next.Dropped).ShouldBe((0, 0, 0));
    }

    [Fact]
    public void Cut_anywhere_only_the_last_line_is_missing_and_what_comes_after_is_whole()
    {
        using (var spool = Open()) spool.Append(Records(0, 3));
        byte[] whole = File.ReadAllBytes(Files[0]);
        int secondEnd = Array.IndexOf(whole, (byte)'\n', Array.IndexOf(whole, (byte)'\n') + 1) + 1;
        foreach (int cut in Enumerable.Range(secondEnd, whole.Length - 1 - secondEnd).Where(c => c % 7 == 0))
        {
            foreach (string file in Files.Skip(1)) File.Delete(file);
            File.WriteAllBytes(Files[0], whole[..cut]);
            using var spool = Open();
            spool.Count.ShouldBe(2);
            spool.Append(Records(3, 1));
            spool.ReadOldest(10).Select(r => r.Id).ShouldBe(["id-000000", "id-000001"]);
            using var next = Open();
            next.Contains("id-000003").ShouldBeTrue();
        }
    }

    [Fact]
    public void A_damaged_line_is_skipped_and_the_others_are_kept()
    {
        using (var spool = Open()) spool.Append(Records(0, 5));
        byte[] bytes = File.ReadAllBytes(Files[0]);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(Files[0], bytes);
        using var next = Open();
        next.Count.ShouldBe(4);
        next.ReadOldest(10).Select(r => r.Id).ShouldBe(["id-000000", "id-000001", "id-000003", "id-000004"]);
    }

    [Fact]
    public void It_stays_within_its_bound_by_giving_up_the_oldest_and_counts_them()
    {
        using var spool = Open();
        var all = Records(0, 900, questionChars: 20_000);
        foreach (var batch in all.Chunk(100)) spool.Append(batch);
        Directory.EnumerateFiles(Path.Combine(_folder, "spool")).Sum(f => new FileInfo(f).Length).ShouldBeLessThanOrEqualTo(8 * 1024 * 1024);
        spool.Dropped.ShouldBeGreaterThan(0);
        (spool.Count + spool.Dropped).ShouldBe(900);
        spool.Contains(all[0].Id).ShouldBeFalse();
        spool.Contains(all[^1].Id).ShouldBeTrue();
        spool.ReadOldest(1)[0].Id.ShouldBe(all[(int)spool.Dropped].Id);
    }

    [Fact]
    public async Task Appending_finding_and_reading_go_side_by_side()
    {
        using var spool = Open();
        var records = Records(0, 2_000);
        var writing = records.Chunk(50).Select(c => Task.Run(() => spool.Append(c), TestContext.Current.CancellationToken)).ToList();
        var seen = new HashSet<string>();
        while (writing.Any(w => !w.IsCompleted) || spool.Count > 0)
        {
            var batch = spool.ReadOldest(128);
            foreach (var record in batch)
            {
                spool.Find(record.Id).ShouldNotBeNull();
                seen.Add(record.Id).ShouldBeTrue();
            }
            spool.Written(batch);
        }
        await Task.WhenAll(writing);
        seen.Count.ShouldBe(records.Count);
    }

    private ProvenanceSpool Open() => new(_data, new AnsweringOptions { SpoolMb = 8 }, NullLogger<ProvenanceSpool>.Instance);

    private static List<AnswerRecord> Records(int first, int count, int questionChars = 40) => [.. Enumerable.Range(first, count).Select(i => new AnswerRecord(
        $"id-{i:D6}", $"question {i} ".PadRight(questionChars, 'ö'), "c", "default", "english", Answer.Abstained, "lexical", true, "extractive-1", i, null, 0, i, [], [], []))];
}
