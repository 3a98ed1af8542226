import Server
import Testing

@Suite struct HistogramTests {
  /// The one bucket that a value is counted in.
  private func bucket(_ microseconds: Int) -> Int? {
    var histogram = Histogram()
    histogram.record(microseconds: microseconds, times: 1)
    return histogram.buckets.firstIndex(of: 1)
  }

  @Test func eachBucketReachesToItsBound() {
    for index in 0..<17 {
      let bound = 16 << index
      #expect(Histogram.bounds[index] == Double(bound) / 1_000_000)
      #expect(bucket(bound) == index, "\(bound) is still in it")
      #expect(bucket(bound + 1) == index + 1, "\(bound + 1) is not")
    }
    #expect(bucket(0) == 0)
    #expect(bucket(1) == 0)
    #expect(bucket(1 << 40) == 17, "the last takes everything")
    #expect(bucket(-5) == 0, "a clock that went back")
  }

  @Test func thereIsABoundForAllButTheLastBucket() {
    #expect(Histogram.bounds.count == Histogram().buckets.count - 1)
    #expect(Histogram.bounds == Histogram.bounds.sorted())
  }

  @Test func countsAndSums() {
    var histogram = Histogram()
    histogram.record(microseconds: 10, times: 3)
    histogram.record(microseconds: 100, times: 2)
    histogram.record(microseconds: -7, times: 1)
    #expect(histogram.count == 6)
    #expect(histogram.microseconds == 230)
    #expect(histogram.buckets.reduce(0, +) == 6)
    var sum = histogram
    sum.add(histogram)
    #expect(sum.count == 12)
    #expect(sum.microseconds == 460)
    #expect(sum.buckets == histogram.buckets.map { 2 * $0 })
  }
}
