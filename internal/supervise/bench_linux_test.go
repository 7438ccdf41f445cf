package supervise

import "testing"

func BenchmarkProcessTable(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		table, err := processes()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(table)), "processes")
	}
}
